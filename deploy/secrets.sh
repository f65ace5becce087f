#!/bin/sh
# Invents the passwords and keys of a first start and writes them to files for Compose:
#   deploy/secrets.sh one     https://stats.example.com admin@example.com     for compose.yaml
#   deploy/secrets.sh cluster https://stats.example.com admin@example.com     for compose.cluster.yaml
# The folder secrets/ is readable by you alone. Its files are readable by all, because containers read them as other
# users; nobody else on this machine reaches them. Nothing that exists is overwritten.
set -eu
umask 022
kind=${1:-} url=${2:-} email=${3:-} folder=${TRACKWAY_SECRETS:-$(dirname "$0")/secrets}
case "$kind" in one | cluster) ;; *) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 2 ;; esac
case "$url" in https://?* | http://?*) ;; *) echo "give the URL that people will open, such as https://stats.example.com" >&2; exit 2 ;; esac
case "$email" in ?*@?*) ;; *) echo "give the administrator's e-mail address" >&2; exit 2 ;; esac
case "$url$email" in *[\"\\]*) echo "the URL and the address may not have \" or \\" >&2; exit 2 ;; esac
if [ -e "$folder/trackway.toml" ]; then
    echo "$folder/trackway.toml is there already, so nothing was changed" >&2
    exit 1
fi
mkdir -p "$folder"
chmod 700 "$folder"

# 256 bits of the system's random numbers, as letters and digits that need no escaping in URLs, TOML or XML.
secret() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
# A Fernet key is 32 bytes in URL-safe base64.
fernet() { dd if=/dev/urandom bs=32 count=1 2>/dev/null | base64 | tr '+/' '-_' | tr -d '\n'; }
hash() { printf %s "$1" | sha256sum | cut -d' ' -f1; }

password=$(secret)
{
    echo "# The settings of Trackway that are secret; docs/reference/settings.md has all of them."
    echo "url = \"$url\""
    echo "admin_email = \"$email\""
    echo "admin_password = \"$password\""
    echo "write_key = \"wk_$(secret)\""
    echo "secret_key = \"sk_$(secret)\""
    echo "# What Prometheus sends to read /metrics (docs/how-to/metrics.md)."
    echo "metrics_token = \"$(secret)\""
    echo "# It encrypts what must be read again, such as authenticator keys. Keep a copy with the backups."
    echo "secrets = \"$(fernet)\""
} >"$folder/trackway.toml"
if [ "$kind" = cluster ]; then
    trackway=$(secret) reader=$(secret) postgres=$(secret)
    echo "accounts = \"postgresql+psycopg://trackway:$postgres@postgres:5432/trackway\"" >>"$folder/trackway.toml"
    # A collector knows the accounts and the keys, and the user who may only read the store.
    cp "$folder/trackway.toml" "$folder/collector.toml"
    echo "store = \"clickhouse://reader:$reader@clickhouse:8123/trackway\"" >>"$folder/collector.toml"
    {
        echo "store = \"clickhouse://trackway:$trackway@clickhouse:8123/trackway\""
        echo "store_reader = \"clickhouse://reader:$reader@clickhouse:8123/trackway\""
    } >>"$folder/trackway.toml"
    cat >"$folder/clickhouse-passwords.xml" <<XML
<clickhouse>
    <trackway_password>$(hash "$trackway")</trackway_password>
    <reader_password>$(hash "$reader")</reader_password>
</clickhouse>
XML
    printf %s "$postgres" >"$folder/postgres-password"
fi
echo "Wrote $(ls "$folder" | tr '\n' ' ')to $folder. Sign in as $email with the admin_password of trackway.toml."
