#!/usr/bin/env python3
"""Makes the images that the conformance suite names, as docker-archive tars, with no registry.

  images.py JUDGES OUT     JUDGES: what build-judges.sh made;  OUT: a folder for the tars

Each tar imports with `ctr -n k8s.io images import` or `slipway image load`. The tools layer is a small
Debian made by mmdebstrap (root, about a minute); everything else is a static binary in a layer of its own.
Stand-ins: same names, commands, ports and files as upstream's where the suite looks at them, not the same bytes.
"""
import hashlib, io, json, os, shutil, subprocess, sys, tarfile, tempfile

judges, out = sys.argv[1], sys.argv[2]
os.makedirs(out, exist_ok=True)
REG = "registry.k8s.io/"
E2E = REG + "e2e-test-images/"
TOOLS = "bash,coreutils,curl,wget,bind9-dnsutils,netcat-openbsd,iproute2,iptables,nftables,socat,iputils-ping,net-tools,procps,ca-certificates,nginx-light,stress-ng"


def layer(files):
    """One uncompressed layer tar. files: path -> (bytes | source path | ('link', target), mode)."""
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w") as t:
        seen = set()
        for path, (content, mode) in files.items():
            parts = path.strip("/").split("/")
            for i in range(1, len(parts)):
                d = "/".join(parts[:i])
                if d not in seen:
                    seen.add(d)
                    i_ = tarfile.TarInfo(d); i_.type = tarfile.DIRTYPE; i_.mode = 0o755; t.addfile(i_)
            info = tarfile.TarInfo("/".join(parts)); info.mode = mode
            if isinstance(content, tuple):
                info.type = tarfile.SYMTYPE; info.linkname = content[1]; t.addfile(info); continue
            if content is None:
                info.type = tarfile.DIRTYPE; t.addfile(info); continue
            if isinstance(content, str):
                content = open(content, "rb").read()
            info.size = len(content); t.addfile(info, io.BytesIO(content))
    return b.getvalue()


def image(tags, layers, **config):
    """Writes one docker-archive holding the image under all its tags."""
    name = tags[0].split("/")[-1].replace(":", "-")
    path = os.path.join(out, name + ".tar")
    diffs = ["sha256:" + hashlib.sha256(l).hexdigest() for l in layers]
    cfg = json.dumps({"architecture": "amd64", "os": "linux", "config": config,
                      "rootfs": {"type": "layers", "diff_ids": diffs}}).encode()
    cfg_name = hashlib.sha256(cfg).hexdigest() + ".json"
    with tarfile.open(path, "w") as t:
        def add(n, c):
            i = tarfile.TarInfo(n); i.size = len(c); t.addfile(i, io.BytesIO(c))
        names = []
        add(cfg_name, cfg)
        for l, d in zip(layers, diffs):
            n = d[7:] + ".tar"; names.append(n); add(n, l)
        add("manifest.json", json.dumps([{"Config": cfg_name, "RepoTags": tags, "Layers": names}]).encode())
    print(f"{path}  {os.path.getsize(path) >> 20} MiB  {' '.join(tags)}")


def tools_layer():
    cache = os.path.join(out, ".tools-layer.tar")
    if not os.path.exists(cache):
        subprocess.run(["mmdebstrap", "--variant=minbase", "--dpkgopt=path-exclude=/usr/share/doc/*",
                        "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
                        "--include=" + TOOLS, "bookworm", cache], check=True, stderr=subprocess.DEVNULL)
    return open(cache, "rb").read()


def busybox_layer(extra=None):
    bb = shutil.which("busybox-static") or "/bin/busybox"
    applets = subprocess.run([bb, "--list"], capture_output=True, text=True, check=True).stdout.split()
    files = {"bin/busybox": (bb, 0o755)}
    for a in applets:
        if a != "busybox":
            files["bin/" + a] = (("link", "busybox"), 0o777)
    files["tmp"] = (None, 0o1777); files["root"] = (None, 0o700)
    files["etc/passwd"] = (b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n", 0o644)
    files["etc/group"] = (b"root:x:0:\nnobody:x:65534:\n", 0o644)
    files.update(extra or {})
    return layer(files)


def compile_c(source):
    with tempfile.TemporaryDirectory() as d:
        open(d + "/a.c", "w").write(source)
        subprocess.run(["cc", "-static", "-Os", "-s", "-o", d + "/a", d + "/a.c"], check=True)
        return open(d + "/a", "rb").read()


path = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
tools = tools_layer()


def from_tools(*names):
    """Files of the tools layer, links followed: path -> (bytes, mode)."""
    with tarfile.open(fileobj=io.BytesIO(tools)) as t:
        def find(n):
            m = t.getmember("./" + n)
            return find(os.path.normpath(os.path.join(os.path.dirname(n), m.linkname) if m.linkname[0] != "/" else "usr" + m.linkname)) if m.issym() else m
        return {n: (t.extractfile(find(n)).read(), find(n).mode) for n in names}


users = {n: c for n, (c, _) in from_tools("etc/passwd", "etc/group").items()}
with tempfile.TemporaryDirectory() as d:                     # porter serves TLS with these
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", d + "/key", "-out", d + "/crt"], check=True, stderr=subprocess.DEVNULL)
    cert = {"localhost." + n: (open(d + "/" + n, "rb").read(), 0o644) for n in ("crt", "key")}
agn = layer({"agnhost": (judges + "/agnhost", 0o755), "agnhost-2": (("link", "agnhost"), 0o777), "uploads": (None, 0o755), **cert,
             "etc/passwd": (users["etc/passwd"] + b"user-defined-in-image:x:1000:1000::/home:/bin/sh\n", 0o644),
             "etc/group": (users["etc/group"] + b"user-defined-in-image:x:1000:\ngroup-defined-in-image:x:50000:user-defined-in-image\n", 0o644)})
# The DNS specs run sh, dig and getent from glibc-dns-testing; the tools layer has them.
image([E2E + "agnhost:2.63.0", E2E + "agnhost:2.55", E2E + "glibc-dns-testing:2.0.0"], [tools, agn], Entrypoint=["/agnhost"], Cmd=["pause"], Env=path)
conf = (b"events {}\nhttp { server { listen 80; location / { root /usr/share/nginx/html; index index.html; } } }\n", 0o644)
page = (b"<html><title>Welcome to nginx!</title><h1>Welcome to nginx!</h1></html>\n", 0o644)
image([E2E + "nginx:1.27-0", E2E + "nginx:1.15-4"],
      [tools, layer({"etc/nginx/nginx.conf": conf, "usr/share/nginx/html/index.html": page})],
      Cmd=["nginx", "-g", "daemon off;"], Env=path, ExposedPorts={"80/tcp": {}})
# Found by PATH, sh is bash: Debian's busybox sh drops variables with names that it could not set ("data-1"), upstream's keeps
# them. /bin/sh stays busybox, whose messages the suite compares.
bash = from_tools("usr/bin/bash", *("usr/lib/x86_64-linux-gnu/" + l for l in ("libtinfo.so.6", "libc.so.6", "ld-linux-x86-64.so.2")))
bash = {n.replace("usr/", "", 1): c for n, c in bash.items()}
bash["lib64"] = (("link", "lib/x86_64-linux-gnu"), 0o777); bash["usr/local/bin/sh"] = (("link", "/bin/bash"), 0o777)
image([E2E + "busybox:1.37.0-1", E2E + "busybox:1.36.1-1"], [busybox_layer(bash)], Cmd=["sh"], Env=path)
for pet in ("kitten", "nautilus"):
    image([E2E + pet + ":1.8"], [busybox_layer({"www/data.json": (json.dumps({"image": pet + ".jpg"}).encode() + b"\n", 0o644)})],
          Entrypoint=["/bin/httpd", "-f", "-p", "80", "-h", "/www"], Env=path)
image([E2E + "nonroot:1.5"], [busybox_layer()], Entrypoint=["/bin/id", "-u"], User="1234", Env=path)
image([REG + "pause:3.10.2"], [layer({"pause": (compile_c("#include <unistd.h>\nint main(void){for(;;)pause();}"), 0o755)})], Entrypoint=["/pause"])
nnp = compile_c('#include <stdio.h>\n#include <unistd.h>\nint main(void){printf("Effective uid: %d\\n",geteuid());return 0;}')
image([E2E + "nonewprivs:1.4"], [busybox_layer({"nnp": (nnp, 0o4755)})], Entrypoint=["/nnp"], Env=path)
if os.path.exists(judges + "/etcd"):
    image([REG + "etcd:3.6.8-0"], [busybox_layer({"usr/local/bin/etcd": (judges + "/etcd", 0o755)})], Cmd=["etcd"], Env=path)
if os.path.exists(judges + "/sample-apiserver"):
    image([E2E + "sample-apiserver:1.29.2"], [busybox_layer({"kube-sample-apiserver": (judges + "/sample-apiserver", 0o755)})],
          Entrypoint=["/kube-sample-apiserver"], Env=path)
