"""Who makes which shard on Ray, and what becomes of workers that die: with a Ray of one process, where calls die when told."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from types import SimpleNamespace

import click
import pytest

from cganx import runtime
from cganx.runtime.testing import TINY


class RayError(Exception):
    actor_init_failed = False


class RayTaskError(RayError):
    pass


class Ray:
    """``deaths`` has how often a call dies: of ``begin``, or of the shard of a number."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)

    def __init__(self, deaths=(), cpus=(3.0,), failed=False):
        self.deaths, self.cpus, self.failed, self.hired = Counter(deaths), cpus, failed, 0

    def nodes(self):
        gone = {"Alive": False, "Resources": {"CPU": 64.0}}
        return [gone, *({"Alive": True, "Resources": {"CPU": count}} for count in self.cpus)]

    def put(self, one):
        return one

    def remote(self, **options):
        self.options = options
        return lambda body: SimpleNamespace(remote=lambda work: self._actor(body(work)))

    def _actor(self, body):
        self.hired += 1
        names = ("begin", "make", "stop")
        return SimpleNamespace(**{name: self._method(name, getattr(body, name)) for name in names})

    def _method(self, name, call):
        if name == "stop":
            return SimpleNamespace(remote=call)
        return SimpleNamespace(remote=lambda *args: (name if name == "begin" else args, call, self.hired, object()))

    def wait(self, refs, timeout, num_returns=1):  # noqa: ARG002
        return refs[:num_returns], refs[num_returns:]

    def get(self, ref):
        what, call, _, _ = ref
        which = what if what == "begin" else what[0]
        if self.deaths[which]:
            self.deaths[which] -= 1
            error = RayError("The worker died.\nIt was killed by a signal.")
            error.actor_init_failed = self.failed
            raise error
        return call() if what == "begin" else call(*what)


@pytest.fixture(autouse=True)
def _parts(part):
    for name in ("click", "PIL", "onnxruntime"):
        part(name)


@pytest.fixture
def fill(tmp_path, monkeypatch):
    """``fill(ray)``: twenty seeds in five shards, by that Ray. Returns what came of it, and the files."""
    from cganx_cli import on_ray
    from cganx_cli.choices import choices
    from cganx_cli.loading import Loading
    from cganx_cli.requests import Product
    from cganx_cli.seeds import parse_seeds
    from cganx_cli.settings import Settings
    from cganx_cli.shards import SHARDS

    generator = runtime.load(str(TINY), "cpu")
    plan = Product(choices(generator.card, []), parse_seeds("0-19"))
    settings = Settings("error", 5, None, False, None, "lanczos", None, 64, None, True)

    def fill(ray, workers=None, address=None, **loading):
        monkeypatch.setattr(on_ray, "_connected", lambda _: contextlib.nullcontext(ray))
        out = tmp_path / "out"
        told = Loading("cpu", **loading)
        work = on_ray.Work.of(TINY.read_bytes(), told, plan, SHARDS["webdataset"], str(out), 0.0, settings)
        done = on_ray.fill_shards_on_ray(generator, work, on_ray.Cluster(address, workers))
        return done, {path.name: path.read_bytes() for path in out.iterdir()}

    return fill


def test_a_shard_whose_worker_died_is_made_by_another(fill, run, tmp_path):
    ray = Ray({1: 2, "begin": 1, 4: 1})
    (count, workers, device), files = fill(ray)
    assert (count.written, workers, device) == (40, 2, "cpu")
    assert ray.hired == 2 + 4
    assert not +ray.deaths
    assert run("generate", TINY, "--seeds", "0-19", "--shards", "5", "-o", tmp_path / "whole").exit_code == 0
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir()}


def test_a_shard_that_kills_its_workers_ends_the_command(fill, tmp_path):
    with pytest.raises(click.ClickException, match=r"^3 workers died of shard 2; Ray says: It was killed by a signal$"):
        fill(Ray({2: 3}))
    assert not list((tmp_path / "out").glob("*00002*"))


def test_workers_that_all_die_before_they_begin_end_the_command(fill):
    with pytest.raises(click.ClickException, match=r"^6 workers died before they began; Ray says: "):
        fill(Ray({"begin": 99}))


def test_a_machine_without_cganx_is_said_at_once(fill):
    ray = Ray({"begin": 99}, failed=True)
    with pytest.raises(click.ClickException, match="each machine of the cluster needs cganx"):
        fill(ray)
    assert ray.hired == 2


def test_other_versions_are_refused(fill, monkeypatch, tmp_path):
    from cganx_cli import on_ray

    said = iter([{"cganx": "1.0", "zlib": "1.3"}, {"cganx": "1.0", "zlib": "1.2"}])
    monkeypatch.setattr(on_ray, "_versions", lambda _: next(said))
    with pytest.raises(click.ClickException, match=r"a worker has zlib 1\.2 and this machine 1\.3"):
        fill(Ray(), workers=1)
    assert not list(tmp_path.glob("out/*.tar"))


def test_one_cpu_is_left_free(fill):
    ray = Ray(cpus=(8.0,))
    (_, workers, _), _ = fill(ray, threads=3)
    assert (workers, ray.options["num_cpus"]) == (2, 3)


def test_no_more_workers_than_shards_and_as_many_as_are_asked_for(fill):
    (_, workers, _), files = fill(Ray(cpus=(1.0,)), workers=7, address="10.0.0.1:6379")
    assert (workers, len(files)) == (5, 5)


def test_a_cluster_of_the_commands_own_never_grows(fill, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    (_, workers, _), files = fill(Ray(cpus=(3.0,)), workers=7)
    assert (workers, len(files)) == (2, 5)


def test_a_worker_lies_on_one_machine(fill):
    (_, workers, _), files = fill(Ray(cpus=(5.0, 5.0, 5.0)), threads=3)
    assert (workers, len(files)) == (3, 5)


def test_a_worker_that_fits_on_no_machine_is_said(fill):
    with pytest.raises(click.ClickException, match="no machine of the cluster has 4 CPUs: lower --threads"):
        fill(Ray(cpus=(2.0, 2.0, 2.0)), threads=4)


@pytest.mark.parametrize("error", [ImportError("No module named 'pyarrow'"), OSError("No space left on device")])
def test_what_a_worker_lacks_is_a_sentence(fill, monkeypatch, error):
    from cganx_cli import on_ray

    here = on_ray._versions
    answers = iter([here])

    def versions(work):
        known = next(answers, None)
        if known is None:
            raise error
        return known(work)

    monkeypatch.setattr(on_ray, "_versions", versions)
    with pytest.raises(click.ClickException, match=str(error)):
        fill(Ray())


def test_a_cluster_that_would_have_no_cpu_left(fill, tmp_path):
    with pytest.raises(click.ClickException, match="the cluster has 2 CPUs, and a worker of 2 would leave none free"):
        fill(Ray(cpus=(2.0,)), threads=2)
    assert not (tmp_path / "out").exists()


def test_folders_that_are_not_one_folder_are_said(fill, monkeypatch):
    from cganx_cli import on_ray

    monkeypatch.setattr(on_ray._Worker, "make", lambda *_: on_ray.Count(written=8))
    with pytest.raises(click.ClickException, match=r"5 shards are not in .* here: give -o a folder that all machines share"):
        fill(Ray())


def test_told_to_stop_it_tells_those_at_work(fill, monkeypatch):
    from cganx_cli import on_ray

    stopped = threading.Event()
    monkeypatch.setattr(on_ray, "stop_on_interrupt", lambda: contextlib.nullcontext(stopped))
    told, made = [], on_ray._Worker.make
    monkeypatch.setattr(on_ray._Worker, "make", lambda self, number: stopped.set() or made(self, number))
    monkeypatch.setattr(on_ray._Worker, "stop", lambda self: told.append(self))
    with pytest.raises(click.Abort):
        fill(Ray())
    assert len(set(told)) == 2
