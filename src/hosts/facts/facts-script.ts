/** Says of which cluster a host is a node. */
export const NODE_MARKER = '/etc/slipway/node.json';

/** Where Slipway and packages put things: how much is free there decides before anything is laid down. */
export const FACT_FOLDERS = ['/usr', '/usr/local/lib/slipway', '/var/lib/slipway', '/var/cache', '/etc'] as const;

/** Programs whose presence somebody asks for. */
const TOOLS = [
  ...['containerd', 'containerd-shim-runc-v2', 'runc', 'ctr', 'nft', 'conntrack', 'ip', 'iptables'],
  ...['apt-get', 'dnf', 'apk', 'pacman', 'systemctl', 'sv', 'ping', 'sha256sum', 'gzip', 'base64'],
];

/** The distribution's own folder comes first: /opt/cni/bin is where others put theirs. */
const CNI_FOLDERS = ['/usr/lib/cni', '/usr/libexec/cni', '/opt/cni/bin'];

/**
 * Prints one fact a line, `name=value`, for parse-facts.ts. Plain POSIX shell, and mostly builtins of it: it runs on hosts that have little,
 * and on every node of every `up`.
 */
export const FACTS_SCRIPT = `PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
say() { printf '%s=%s\\n' "$1" "$2"; }
if [ -r /etc/os-release ]; then . /etc/os-release; fi
say id "\${ID:-}"; say like "\${ID_LIKE:-}"; say version "\${VERSION_ID:-}"; say title "\${PRETTY_NAME:-}"
uname -rm | { read -r kernel machine; say kernel "$kernel"; say machine "$machine"; }
for at in /lib/ld-musl-*; do if [ -e "$at" ]; then say libc musl; fi; done
if [ -d /run/systemd/system ]; then say init systemd; elif command -v sv > /dev/null; then say init runit; else say init none; fi
while read -r key value rest; do if [ "$key" = MemTotal: ]; then say memory "$value"; fi; done < /proc/meminfo
while read -r key value rest; do if [ "$key" = CapBnd: ]; then say capabilities "$value"; fi; done < /proc/self/status
say cpus "$(nproc 2> /dev/null || grep -c ^processor /proc/cpuinfo)"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then say cgroups v2; elif [ -d /sys/fs/cgroup/unified ]; then say cgroups hybrid; else say cgroups v1; fi
set -- ${FACT_FOLDERS.join(' ')}; ats=
for at in "$@"; do
  while [ ! -e "$at" ]; do at=\${at%/*}; at=\${at:-/}; done
  ats="$ats $at"
done
df -Pk $ats | { read -r head; while read -r device size used free rest; do say free "$1 $free"; shift; done; }
if command -v ip > /dev/null; then ip -o -4 address show | while read -r number link family address rest; do say address "$link $address"; done; fi
awk '$4 == "0A" { print "listening=" $2 }' /proc/net/tcp /proc/net/tcp6 2> /dev/null
for tool in ${TOOLS.join(' ')}; do if command -v $tool > /dev/null; then say tool $tool; fi; done
for folder in ${CNI_FOLDERS.join(' ')}; do if [ -x $folder/ptp ] && [ -x $folder/portmap ]; then say cni $folder; fi; done
if [ -e /run/firewalld.pid ] || [ -d /run/firewalld ]; then say firewall firewalld; elif [ -r /etc/ufw/ufw.conf ] && grep -qi '^ENABLED=yes' /etc/ufw/ufw.conf; then say firewall ufw; fi
if [ -r /sys/fs/selinux/enforce ]; then read -r mode < /sys/fs/selinux/enforce; say selinux "$mode"; fi
if [ -r /etc/resolv.conf ]; then while read -r key value rest; do if [ "$key" = nameserver ]; then say resolver "$value"; fi; done < /etc/resolv.conf; fi
if [ -r ${NODE_MARKER} ]; then say marker "$(cat ${NODE_MARKER})"; fi
say clock "$(date +%s.%N)"
exit 0`;
