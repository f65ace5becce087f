"""Several loaders, as the process with the role all sees them: its own part, the others, and when it may migrate."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from uuid import UUID

from trackway.config import Settings
from trackway.govern.database import AccountsUnavailable, GovernDatabase
from trackway.govern.loaders import Loaders, Placement
from trackway.govern.tables import Project
from trackway.kafka_address import parse
from trackway.log import Log
from trackway.store.connection import Store
from trackway.store.migration import is_outdated, pending
from trackway.store.orders import own_currency
from trackway.store.progress import OtherLoader
from trackway.store.refusals import StoreUnavailable
from trackway.store.share import Share, StoreLock

_LEAVING_S = 12.0
"""Longer than the brokers count a loader that has ended as a member of its group."""


def adopt(settings: Settings, accounts: GovernDatabase) -> None:
    """Tell the accounts database the number of loaders, which may only grow. A collector that knows fewer refuses the
    messages of their projects and takes all others.

    Raises:
        AccountsUnavailable: a project belongs to a loader that the setting does not name.
    """
    accounts.loaders.count = settings.loaders
    if settings.role != "collector" and (missing := accounts.loaders.missing()):
        raise AccountsUnavailable(missing)


def share_of(settings: Settings, accounts: GovernDatabase) -> Share | None:
    """Return the part of this process among the loaders; None when it is the only one."""
    if settings.loaders == 1:
        accounts.loaders.forget_numbers()
        return None
    return Share(accounts.loaders, settings.loader)


def divide(settings: Settings, log: Log, accounts: GovernDatabase) -> None:
    """Let the log of a process that collects write to the topics of all loaders, and refuse the messages of a project
    whose loader the setting does not name. Raises TopicUnusable.
    """
    if settings.log:
        from trackway.log.kafka import KafkaLog

        assert isinstance(log, KafkaLog)
        log.divide(settings.log, Placement(accounts.loaders))


def others_of(settings: Settings, told: Callable[[], None], accounts: GovernDatabase) -> list[OtherLoader]:
    """Return the loaders in other processes.

    Args:
        told: called when one of them has merged persons or stored dead letters.

    Raises:
        TopicUnusable: the topic of a loader cannot be reached or does not exist.
    """
    if settings.loaders == 1:
        return []
    from trackway.log.kafka_group import Group

    numbers, loaders = range(1, settings.loaders), accounts.loaders
    return [OtherLoader(number, Group(settings.log, number), told, loaders) for number in numbers]


def first_of(settings: Settings, accounts: GovernDatabase) -> OtherLoader:
    """Return loader 0, as another loader sees it. Raises TopicUnusable."""
    from trackway.log.kafka_group import Group

    return OtherLoader(0, Group(settings.log, 0), lambda: None, accounts.loaders)


def lock_elsewhere(accounts: GovernDatabase, project: Project) -> AbstractContextManager[object]:
    """Return the lock of a project's loader when that is another process; for this one's projects, no lock."""
    return StoreLock(accounts.loaders.lock(project.loader)) if project.loader else nullcontext()


def own_currencies(store: Store, accounts: GovernDatabase) -> None:
    """Give each project the rate of its own currency. Raises QuestionFailed."""
    for project in accounts.projects():
        own_currency(store, UUID(project.id), project.currency, lock_elsewhere(accounts, project))


def refuse_running(settings: Settings, store: Store, loaders: Loaders) -> None:
    """Refuse to change tables while another loader stores something, or the store has a part of its batch: new and
    renewed views would count that part twice.

    Raises:
        StoreUnavailable: scripts have to be applied, and another loader runs or ended within a batch.
    """
    if settings.loaders == 1 or not pending(store):
        return
    from trackway.log.kafka_topic import Topic

    until = time.monotonic() + _LEAVING_S
    for number in range(1, settings.loaders):
        topic = Topic(parse(settings.log).of_loader(number))
        while (hosts := topic.other_loaders("")) and time.monotonic() < until:
            time.sleep(0.5)
        if hosts:
            raise StoreUnavailable(
                f"the tables have to be brought up to date, and loader {number} (on {hosts[0]}) stores messages "
                "meanwhile; stop the other loaders, start this process, and then start them again"
            )
        if is_outdated(store) and loaders.is_unfinished(number):
            raise StoreUnavailable(
                f"the tables have to be brought up to date, and a batch of loader {number} is stored in part; "
                "start that one with the version before, and stop it when its /readyz says that all is stored"
            )
