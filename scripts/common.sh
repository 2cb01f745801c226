# Sourced by every script: where things are, how they speak, and how a step is skipped that was done before.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

export CARGO_TARGET_DIR="$root/target"
# Queries are checked against the committed .sqlx, whatever DATABASE_URL the company's own environment has.
export SQLX_OFFLINE=true
export PATH="$CARGO_TARGET_DIR/tools/bin:$PATH"
# rustup's directory isn't on every non-interactive shell's PATH.
if [ -d "${CARGO_HOME:-$HOME/.cargo}/bin" ]; then PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"; fi

stamps="$CARGO_TARGET_DIR/stamps"
mkdir -p "$stamps"

say() { printf '\033[2m· %s\033[0m\n' "$*" >&2; }
die() { printf '%s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# fingerprint PATH…: changes when a file under the paths does.
fingerprint() {
  find "$@" -type f -print0 2>/dev/null | LC_ALL=C sort -z | xargs -0 -r cksum | cksum | cut -d' ' -f1
}

# is_done NAME VALUE / mark_done NAME VALUE: remembers that a step was done for this value.
is_done() { [ -f "$stamps/$1" ] && [ "$(cat "$stamps/$1")" = "$2" ]; }
mark_done() { printf '%s' "$2" > "$stamps/$1"; }

# apt PACKAGE…: installs as root where there is apt; fails otherwise.
apt_install() {
  is_root && have apt-get || return 1
  say "installing $*"
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >&2 </dev/null ||
    { apt-get update >&2 </dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >&2 </dev/null; }
}
