# Sourced by bin/slipway and bin/with-node (POSIX sh). Needs $root. Sets $NODE to a Node of at least 24 and makes sure that
# node_modules is there; what is missing is fetched with npm, and said in one line. The choice is remembered in
# node_modules/.slipway-node, so that later calls start no extra process.

slipway_say() { printf 'slipway: %s\n' "$*" >&2; }

slipway_node_is_new_enough() {
  [ -x "$1" ] && [ "$("$1" -p 'Number(process.versions.node.split(".")[0]) >= 24' 2>/dev/null)" = true ]
}

# npm comes from the distribution: with --yes, and as root, it is installed, else the command that does it is named.
slipway_need_npm() {
  what=$1
  shift
  if command -v npm > /dev/null; then return; fi
  for word; do
    case $word in
      --) break ;;
      -y | --yes)
        if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
          slipway_say "installing npm (apt-get) ..."
          log=$(mktemp)
          { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm; } > "$log" 2>&1 ||
            { tail -n 5 "$log" >&2; slipway_say "apt-get could not install npm; the whole log is $log"; exit 1; }
          rm -f "$log"
          return
        fi
        ;;
    esac
  done
  slipway_say "npm is needed to fetch $what: apt-get install npm   # or any Node with its npm; --yes, as root, installs it"
  exit 1
}

slipway_find_node() {
  NODE=$(command -v node || true)
  if [ -n "$NODE" ] && slipway_node_is_new_enough "$NODE"; then return; fi
  case $(uname -m) in
    x86_64 | amd64) arch=x64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) slipway_say "Node 24 or newer is needed, and none is packaged for $(uname -m): install it and run this again"; exit 1 ;;
  esac
  cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/slipway/node-24
  NODE=$cache/node_modules/node-linux-$arch/bin/node
  if slipway_node_is_new_enough "$NODE"; then return; fi
  slipway_need_npm "Node 24" "$@"
  slipway_say "getting Node 24 (this machine has $(node --version 2>/dev/null || echo none)) ..."
  mkdir -p "$cache"
  npm install --prefix "$cache" --no-save --no-audit --no-fund --loglevel=error "node-linux-$arch@24" > "$cache/install.log" 2>&1 ||
    { tail -n 5 "$cache/install.log" >&2; slipway_say "could not get Node 24; the whole log is $cache/install.log"; exit 1; }
  slipway_node_is_new_enough "$NODE" || { slipway_say "the fetched Node at $NODE does not run here"; exit 1; }
}

slipway_install_dependencies() {
  slipway_need_npm "the dependencies" "$@"
  slipway_say "installing dependencies (npm ci) ..."
  log=$(mktemp)
  (cd "$root" && PATH=$(dirname "$NODE"):$PATH npm ci --no-audit --no-fund --loglevel=error > "$log" 2>&1) ||
    { tail -n 15 "$log" >&2; slipway_say "npm ci failed; the whole log is $log"; exit 1; }
  rm -f "$log"
}

if [ -d "$root/src" ]; then slipway_remembered=$root/node_modules/.slipway-node; else slipway_remembered=$root/.slipway-node; fi
NODE=
if [ -f "$slipway_remembered" ]; then read -r NODE < "$slipway_remembered" || true; fi
if [ ! -d "$root/src" ]; then
  # An installed package: bundled, so that it has nothing to fetch but Node. Where it may not write, it looks again the next time.
  if [ ! -x "$NODE" ]; then
    slipway_find_node "$@"
    { printf '%s\n' "$NODE" > "$slipway_remembered"; } 2> /dev/null || true
  fi
elif [ ! -x "$NODE" ] || [ "$root/package-lock.json" -nt "$slipway_remembered" ]; then
  slipway_find_node "$@"
  if [ ! -f "$root/node_modules/.package-lock.json" ] || [ "$root/package-lock.json" -nt "$root/node_modules/.package-lock.json" ]; then
    slipway_install_dependencies "$@"
    touch "$root/node_modules/.package-lock.json"
  fi
  printf '%s\n' "$NODE" > "$slipway_remembered"
fi
