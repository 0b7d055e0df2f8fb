#!/bin/sh
# As the official image starts Grafana: it complains of what cannot be read or written, makes the directory of the
# plugins, and puts the content of the file GF_…__FILE into GF_….
set -e
unusable=0
complain() {
  echo "$1='$2' is not $3."
  unusable=1
}
[ -r "$GF_PATHS_CONFIG" ] || complain GF_PATHS_CONFIG "$GF_PATHS_CONFIG" readable
[ -w "$GF_PATHS_DATA" ] || complain GF_PATHS_DATA "$GF_PATHS_DATA" writable
[ -r "$GF_PATHS_HOME" ] || complain GF_PATHS_HOME "$GF_PATHS_HOME" readable
if [ $unusable = 1 ]; then
  echo "You may have issues with file permissions, more information here: http://docs.grafana.org/installation/docker/#migrate-to-v51-or-later"
fi
[ -d "$GF_PATHS_PLUGINS" ] || mkdir "$GF_PATHS_PLUGINS"
for name in $(env | sed -n 's/^\(GF_[^=]*\)__FILE=..*/\1/p'); do
  eval "value=\${$name:-} file=\$${name}__FILE"
  if [ -n "$value" ]; then
    echo "ERROR: Both $name and ${name}__FILE are set (but are exclusive)" >&2
    exit 1
  fi
  echo "Getting secret $name from $file"
  export "$name=$(cat "$file")"
  unset "${name}__FILE"
done
export HOME="$GF_PATHS_HOME"
exec grafana server --homepath="$GF_PATHS_HOME" --config="$GF_PATHS_CONFIG" --packaging=docker "$@" \
  cfg:default.log.mode=console cfg:default.paths.data="$GF_PATHS_DATA" cfg:default.paths.logs="$GF_PATHS_LOGS" \
  cfg:default.paths.plugins="$GF_PATHS_PLUGINS" cfg:default.paths.provisioning="$GF_PATHS_PROVISIONING"
