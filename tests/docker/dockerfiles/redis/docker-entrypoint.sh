#!/bin/sh
# As the official image starts it: root gives /data to redis and becomes redis; files are for their owner alone.
set -eu
case "${1:-}" in
  -*|*.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  find . \! -user redis -exec chown redis {} +
  exec /usr/bin/setpriv --reuid redis --regid redis --clear-groups --no-new-privs "$0" "$@"
fi
if [ "$(umask)" = 0022 ]; then
  umask 0077
fi
exec "$@"
