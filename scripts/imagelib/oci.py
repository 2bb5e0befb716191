# SPDX-License-Identifier: Apache-2.0
"""Writes OCI image archives of one layer. Who makes them, and when, changes nothing in them.

Source: the OCI image specification, "image-layout", "manifest" and "config".
"""

import gzip
import hashlib
import io
import json
import os
import platform
import tarfile

MEDIA = "application/vnd.oci.image."
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


def _anonymous(entry):
    """A file of nobody and of no time."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def _tar_tree(root):
    """An archive of a tree, in order of names."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for folder, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(folders + names):
                path = os.path.join(folder, name)
                tar.add(path, os.path.relpath(path, root), recursive=False, filter=_anonymous)
    return out.getvalue()


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def _descriptor(media, data, **more):
    return {"mediaType": MEDIA + media, "digest": f"sha256:{_sha256(data)}",
            "size": len(data), **more}


def _json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _files(root, names, config, level):
    """Path -> content of the archive of a tree."""
    layer = _tar_tree(root)
    packed = gzip.compress(layer, level, mtime=0)
    image = _json({
        "architecture": MACHINES.get(platform.machine(), platform.machine()), "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_sha256(layer)}"]}})
    manifest = _json({
        "schemaVersion": 2, "mediaType": f"{MEDIA}manifest.v1+json",
        "config": _descriptor("config.v1+json", image),
        "layers": [_descriptor("layer.v1.tar+gzip", packed)]})
    # containerd reads the one annotation, podman and skopeo the other.
    named = [{"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
             for name in names]
    index = _json({"schemaVersion": 2, "mediaType": f"{MEDIA}index.v1+json",
                   "manifests": [_descriptor("manifest.v1+json", manifest, annotations=name)
                                 for name in named]})
    blobs = {f"blobs/sha256/{_sha256(blob)}": blob for blob in (packed, image, manifest)}
    return {"index.json": index, "oci-layout": _json({"imageLayoutVersion": "1.0.0"}), **blobs}


def write(path, root, names, config, level=9):
    """An archive of the tree `root` at `path`, as an image with these names; its bytes.

    level: of compression.
    """
    files = _files(root, names, config, level)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with tarfile.open(f"{path}.new", "w", format=tarfile.PAX_FORMAT) as tar:
        for inner in sorted(files):
            entry = tarfile.TarInfo(inner)
            entry.size, entry.mode = len(files[inner]), 0o644
            tar.addfile(entry, io.BytesIO(files[inner]))
    os.replace(f"{path}.new", path)
    return os.path.getsize(path)
