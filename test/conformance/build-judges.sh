#!/usr/bin/env bash
# Builds what run.sh needs from its Go modules and Debian's packages, with no registry of images:
#
#   test/conformance/build-judges.sh [JUDGES]       default ~/.cache/slipway-judges
#
# kubectl, agnhost, ginkgo, e2e.test, etcd and sample-apiserver, then images/ (images.py). It needs Go, Python 3, mmdebstrap, busybox-static,
# openssl, a C compiler and root; on two cores about 25 minutes, and later runs answer at once for what is there already.
set -euo pipefail
version=1.36.3 staging=v0.36.3 etcd=v3.6.6
here=$(dirname "$(readlink -f "$0")")
judges=${1:-$HOME/.cache/slipway-judges}
mkdir -p "$judges/src"
judges=$(realpath "$judges")
export CGO_ENABLED=0 GOFLAGS=-mod=mod

# A module of our own that requires one published module, so that its commands can be built.
module() { # NAME MODULE VERSION PACKAGE...
  local name=$1 required=$2 at=$3
  shift 3
  mkdir -p "$judges/src/$name" && cd "$judges/src/$name"
  [ -s go.mod ] || printf 'module judges/%s\n\ngo 1.26.0\n\nrequire %s %s\n' "$name" "$required" "$at" > go.mod
  { printf '//go:build tools\n\npackage judges\n\n'; printf 'import _ "%s"\n' "$@"; } > tools.go
  go mod tidy -e > tidy.log 2>&1 || true # Packages of tests of tests may be absent; the builds below tell.
}

# k8s.io/kubernetes names its staging modules by relative path: each is pinned to its published version instead.
kubernetes() {
  mkdir -p "$judges/src/kubernetes" && cd "$judges/src/kubernetes"
  local source
  source=$(go mod download -json "k8s.io/kubernetes@v$version" | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
  [ -s go.mod ] || python3 - "$source/go.mod" "$version" "$staging" > go.mod <<'P'
import re, sys
text, version, staging = open(sys.argv[1]).read(), sys.argv[2], sys.argv[3]
staged = re.findall(r"^\s*(k8s\.io/\S+) => \./staging", text, re.M)
required = re.findall(r"^\t(\S+) (v\S+)", "".join(re.findall(r"^require \(\n(.*?)^\)", text, re.M | re.S)), re.M)
print("module judges/kubernetes\n\ngo 1.26.0\n\nrequire (")
print(f"\tk8s.io/kubernetes v{version}")
for name, at in required: print(f"\t{name} {staging if name in staged else at}")
print(")\n\nreplace (")
for name in staged: print(f"\t{name} => {name} {staging}")
print(")")
P
  module kubernetes k8s.io/kubernetes "v$version" k8s.io/kubernetes/{cmd/kubectl,test/e2e,test/images/agnhost} github.com/onsi/ginkgo/v2/ginkgo
}

stamp="-X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36"
build() { # NAME PACKAGE
  echo "building $1 ..."
  go build -ldflags "-s -w $stamp" -o "$judges/$1" "$2"
}
lacks() { [ ! -x "$judges/$1" ]; }

for name in kubectl agnhost ginkgo e2e.test; do
  lacks "$name" || continue
  kubernetes
  case $name in
    kubectl) build kubectl k8s.io/kubernetes/cmd/kubectl ;;
    agnhost) build agnhost k8s.io/kubernetes/test/images/agnhost ;;
    ginkgo) build ginkgo github.com/onsi/ginkgo/v2/ginkgo ;;
    e2e.test) echo "building e2e.test ..." && go test -c -ldflags "-s -w $stamp" -o "$judges/e2e.test" k8s.io/kubernetes/test/e2e ;;
  esac
done
if lacks etcd; then
  module etcd go.etcd.io/etcd/server/v3 "$etcd" go.etcd.io/etcd/server/v3
  build etcd go.etcd.io/etcd/server/v3
fi
if lacks sample-apiserver; then
  module sample-apiserver k8s.io/sample-apiserver "$staging" k8s.io/sample-apiserver
  build sample-apiserver k8s.io/sample-apiserver
fi
[ -e "$judges/images/sample-apiserver-1.29.2.tar" ] || python3 "$here/images.py" "$judges" "$judges/images"
echo "judges are ready in $judges"
