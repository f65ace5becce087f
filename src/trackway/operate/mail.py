"""Sends mail through the server of the settings (`smtp_host`)."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

from trackway.config import Settings

_TIMEOUT_S = 10


def send_mail(settings: Settings, to: str, subject: str, text: str) -> None:
    """Send a plain-text mail. Raises OSError, SMTPException or ValueError when it cannot be delivered."""
    if not settings.smtp_host:
        raise ValueError("no mail server is set (TRACKWAY_SMTP_HOST)")
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = settings.mail_from, to, subject
    mail.set_content(text)
    with smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_TIMEOUT_S) as server:
        if settings.smtp_user:
            server.starttls()
            server.login(settings.smtp_user, settings.smtp_password)
        server.send_message(mail)
