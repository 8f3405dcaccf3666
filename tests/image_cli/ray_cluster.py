"""A real Ray cluster on this machine: a head and two machines of one CPU each, process trees that can be killed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping


class NotStarted(Exception):
    """Ray has not come up; its log."""


class Machine:
    """One ``ray start``, and all that it has started."""

    def __init__(self, environment: Mapping[str, str], *args: str) -> None:
        # -m and not the script, which another environment's PATH may hide.
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1"]
        command += ["--object-store-memory=80000000", *args]
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, env=dict(environment), stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True
        )
        until = time.monotonic() + 60
        while "runtime started" not in (said := self.said()):
            if self.process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise NotStarted(said)
            time.sleep(0.1)

    def said(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def tree(self) -> list:
        import psutil

        try:
            one = psutil.Process(self.process.pid)
            return [one, *one.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def works(self) -> bool:
        """Whether a worker of the command's runs there."""
        return any("_Worker" in " ".join(one.cmdline()) for one in self.tree() if one.is_running())

    def kill(self) -> None:
        """As when the power goes: nobody is asked."""
        for one in self.tree():
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()


class Cluster:
    def __init__(self, folder: str, environment: Mapping[str, str]) -> None:
        # A token that an earlier ``ray.init`` left in the home folder would be asked for by the head alone.
        self.environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", **environment}
        self.address = f"127.0.0.1:{_free_port()}"
        port = self.address.rpartition(":")[2]
        head = ("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}")
        self.machines = [Machine(self.environment, *head)]
        try:
            self.add()
            self.add()
        except BaseException:
            self.stop()
            raise

    def add(self) -> None:
        """Another machine. One after the other: two that start at once take the same socket's name."""
        self.machines.append(Machine(self.environment, f"--address={self.address}"))

    def stop(self) -> None:
        for one in reversed(self.machines):
            one.kill()


@contextlib.contextmanager
def cluster(environment: Mapping[str, str]) -> Iterator[Cluster]:
    # A socket's path must be short, so it is not pytest's own folder.
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        one = Cluster(folder, environment)
        try:
            yield one
        finally:
            one.stop()


def _free_port() -> int:
    """Below those that the system hands out, of which Ray's other parts take theirs."""
    for port in random.sample(range(20_000, 30_000), 100):
        with contextlib.suppress(OSError), socket.create_server(("", port)):
            return port
    raise NotStarted("no port is free")
