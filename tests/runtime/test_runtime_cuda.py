"""CUDA without a GPU: what onnxruntime is asked for, held against a stand-in; and, marked ``gpu``, with one."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cganx import runtime
from cganx.errors import DeviceUnavailable, NotAGenerator, RequestError
from cganx.runtime import backend, testing
from cganx.runtime.cuda import GraphedSession, cuda_options
from cganx.runtime.sessions import FixedBatch

TINY = testing.TINY.read_bytes()


class End:
    def __init__(self, name: str, kind: str, shape: list[Any]) -> None:
        self.name, self.type, self.shape = name, kind, shape


class Binding:
    """onnxruntime's IOBinding, as far as it goes: values at places that stay."""

    def __init__(self) -> None:
        self.inputs: dict[str, Value] = {}
        self.outputs: dict[str, Value] = {}

    def bind_ortvalue_input(self, name: str, value: "Value") -> None:
        self.inputs[name] = value

    def bind_ortvalue_output(self, name: str, value: "Value") -> None:
        self.outputs[name] = value

    def copy_outputs_to_cpu(self) -> list[Any]:
        return [value.array.copy() for value in self.outputs.values()]


class Value:
    """onnxruntime's OrtValue on a GPU."""

    def __init__(self, array: Any) -> None:
        self.array = array

    @classmethod
    def ortvalue_from_numpy(cls, array: Any, device: str, index: int) -> "Value":
        assert (device, index) == ("cuda", 1)
        return cls(array.copy())

    @classmethod
    def ortvalue_from_shape_and_type(cls, shape: list[int], dtype: Any, device: str, index: int) -> "Value":
        assert (device, index) == ("cuda", 1)
        return cls(np.zeros(shape, dtype))

    def update_inplace(self, array: Any) -> None:
        assert array.flags.c_contiguous
        assert (array.shape, array.dtype) == (self.array.shape, self.array.dtype)
        self.array[:] = array


class RunOptions:
    def __init__(self) -> None:
        self.entries: dict[str, str] = {}

    def add_run_config_entry(self, key: str, value: str) -> None:
        self.entries[key] = value


class StandIn:
    """A session whose pictures are those of the fake backend, through IOBinding or not. ``rows`` are the sizes of its runs."""

    def __init__(self, fake: Any, active: list[str]) -> None:
        self.fake, self.active = fake, active
        self.rows: list[int] = []
        self.graphs: dict[str, Binding] = {}
        self.together = threading.Lock()

    def get_providers(self) -> list[str]:
        return self.active

    def get_outputs(self) -> list[End]:
        return [End("image", "tensor(float)", ["batch", 1, 16, 16]), End("pixels", "tensor(uint8)", ["batch", 16, 16, 1])]

    def run(self, names: list[str], feed: dict[str, Any]) -> list[Any]:
        self.rows.append(len(feed["latent"]))
        made: list[Any] = self.fake.run(names, feed)
        return made

    def io_binding(self) -> Binding:
        return Binding()

    def run_with_iobinding(self, binding: Binding, options: RunOptions) -> None:
        assert self.together.acquire(blocking=False), "a session that captures takes one run at a time"
        graph = options.entries["gpu_graph_id"]
        assert self.graphs.setdefault(graph, binding) is binding
        for value, made in zip(
            binding.outputs.values(),
            self.run(list(binding.outputs), {name: one.array for name, one in binding.inputs.items()}),
            strict=True,
        ):
            value.array[:] = made
        self.together.release()


class StandInOrt:
    """onnxruntime with a CUDA that works, or whose sessions raise ``fault``."""

    __version__ = "1.31.1"
    OrtValue, RunOptions = Value, RunOptions

    def __init__(self, folder: Path, fault: str = "", bad_file: bool = False) -> None:
        self.__file__ = str(folder / "__init__.py")
        self.fault, self.bad_file = fault, bad_file
        self.built: list[tuple[Any, Any, StandIn]] = []

    class SessionOptions:
        def __init__(self) -> None:
            self.entries: dict[str, str] = {}

        def add_session_config_entry(self, key: str, value: str) -> None:
            self.entries[key] = value

    def get_available_providers(self) -> list[str]:
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def InferenceSession(self, data: bytes, options: Any, providers: list[Any], enable_fallback: int) -> StandIn:  # noqa: N802
        assert enable_fallback == 0
        on_cuda = providers[0] != "CPUExecutionProvider"
        if self.bad_file or (on_cuda and self.fault):
            raise RuntimeError(f"{self.fault}\nand much more")
        active = ["CUDAExecutionProvider", "CPUExecutionProvider"] if on_cuda else ["CPUExecutionProvider"]
        fake, _ = testing.FakeBackend().open(runtime.read(data), "cpu", runtime.Options())
        session = StandIn(fake, active)
        self.built.append((providers, options, session))
        return session


@pytest.fixture
def ort(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., StandInOrt]:
    def use(**about: Any) -> StandInOrt:
        stand_in = StandInOrt(tmp_path, **about)
        monkeypatch.setattr(backend, "import_onnxruntime", lambda: stand_in)
        monkeypatch.setattr(backend, "_cuda_fault", lambda _: None)
        monkeypatch.setattr(backend, "_both_wheels", lambda: None)
        return stand_in

    return use


def test_what_the_provider_is_told() -> None:
    first = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}
    assert cuda_options(0, runtime.Options()) == first
    plain = first | {"device_id": "2"}
    assert cuda_options(2, runtime.Options()) == plain
    assert cuda_options(2, runtime.Options(precise=True)) == plain | {"use_tf32": "0"}
    assert cuda_options(2, runtime.Options(cuda_graphs=True)) == plain | {"enable_cuda_graph": "1"}


def test_load_passes_on_what_it_was_asked_for(ort: Callable[..., StandInOrt]) -> None:
    stand_in = ort()
    runtime.load(TINY, "cuda:1", precise=True, threads=3)
    ((provider, told), cpu), options, _ = stand_in.built[-1]
    assert (provider, cpu, told["device_id"], told["use_tf32"]) == ("CUDAExecutionProvider", "CPUExecutionProvider", "1", "0")
    assert options.intra_op_num_threads == 3
    assert options.entries == {"session.intra_op.spin_duration_us": "500"}
    runtime.load(TINY, "cpu", precise=True, cuda_graphs=True, spin=True)
    providers, options, _ = stand_in.built[-1]
    assert (providers, options.entries) == (["CPUExecutionProvider"], {})


def test_an_onnxruntime_that_heeds_no_bound_does_not_spin_at_all(
    ort: Callable[..., StandInOrt], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = ort()
    monkeypatch.setattr(StandInOrt, "__version__", "1.23.2")
    runtime.load(TINY, "cpu")
    assert stand_in.built[-1][1].entries == {"session.intra_op.allow_spinning": "0"}


def test_every_run_on_cuda_has_the_same_size(ort: Callable[..., StandInOrt]) -> None:
    stand_in = ort()
    generator = runtime.load(TINY, "cuda:1", cuda_batch=8)
    session = stand_in.built[-1][2]
    assert session.rows == [8, 8]
    wanted = runtime.load(TINY, backend=testing.FakeBackend()).generate("disc", range(21))
    for size, runs in ((64, 3), (8, 3), (1, 21), (9, 5)):
        session.rows.clear()
        assert generator.generate("disc", range(21), batch_size=size).tobytes() == wanted.tobytes()
        assert session.rows == [8] * runs
    session.rows.clear()
    streamed = [one.pixels for one in generator.stream([("disc", seed) for seed in range(21)], 10)]
    assert np.stack(streamed).tobytes() == wanted.tobytes()
    assert set(session.rows) == {8}
    assert generator.generate("disc", []).shape == (0, 16, 16, 1)
    assert runtime.load(TINY, "cuda").generate("disc", 1).shape == (1, 16, 16, 1)
    assert set(stand_in.built[-1][2].rows) == {64}


def test_rows_that_fill_a_run_repeat_the_last() -> None:
    fed: list[Any] = []

    class Echo:
        def run(self, names: Any, feed: Any, /) -> Any:
            del names
            fed.append(feed["a"].tolist())
            return [feed["a"] * 10]

    (made,) = FixedBatch(Echo(), 4).run(["b"], {"a": np.arange(6)})
    assert made.tolist() == [0, 10, 20, 30, 40, 50]
    assert fed == [[0, 1, 2, 3], [4, 5, 5, 5]]


def test_a_graph_is_captured_for_each_set_of_outputs_and_replayed(ort: Callable[..., StandInOrt]) -> None:
    stand_in = ort()
    generator = runtime.load(TINY, "cuda:1", cuda_graphs=True, cuda_batch=4)
    ((_, told), _), _, session = stand_in.built[-1]
    assert told["enable_cuda_graph"] == "1"
    plain = runtime.load(TINY, backend=testing.FakeBackend())
    for _ in range(2):
        assert generator.generate("disc", range(11)).tobytes() == plain.generate("disc", range(11)).tobytes()
        assert generator.images("cross", range(3)).tobytes() == plain.images("cross", range(3)).tobytes()
    # The probe asks for both outputs, then come pixels alone and image alone: three captures.
    assert [list(binding.outputs) for binding in session.graphs.values()] == [["image", "pixels"], ["pixels"], ["image"]]
    assert session.graphs["2"].outputs["pixels"].array.dtype == np.uint8
    assert set(session.rows) == {4}


def test_graphs_take_one_run_at_a_time(ort: Callable[..., StandInOrt]) -> None:
    ort()
    generator = runtime.load(TINY, "cuda:1", cuda_graphs=True, cuda_batch=4)
    wanted = [runtime.load(TINY, backend=testing.FakeBackend()).generate("disc", seed).tobytes() for seed in range(4)]
    wrong: list[int] = []

    def use(seed: int) -> None:
        wrong.extend(seed for _ in range(20) if generator.generate("disc", seed).tobytes() != wanted[seed])

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_graph_needs_declared_sizes() -> None:
    class Open(StandIn):
        def get_outputs(self) -> list[End]:
            return [End("pixels", "tensor(uint8)", ["batch", "height", "width", 1])]

    graphs = GraphedSession(StandInOrt(Path()), Open(None, []), 1, 4)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="leave the option out"):
        graphs.run(["pixels"], {"latent": np.zeros((4, 8), np.float32)})


def test_a_cuda_that_raises_is_not_the_files_fault(ort: Callable[..., StandInOrt], capfd: pytest.CaptureFixture[str]) -> None:
    ort(fault="CUDA failure 2: out of memory")
    with pytest.raises(DeviceUnavailable, match="out of memory") as caught:
        runtime.load(TINY, "cuda")
    assert "\n" not in str(caught.value)
    automatic = runtime.load(TINY).device
    assert (str(automatic), "out of memory" in automatic.reason) == ("cpu", True)
    with pytest.raises(DeviceUnavailable, match="leave cuda_graphs out"):
        runtime.load(TINY, "cuda", cuda_graphs=True)
    ort(fault="no such opset", bad_file=True)
    with pytest.raises(NotAGenerator, match="no such opset"):
        runtime.load(TINY, "cuda")
    assert capfd.readouterr() == ("", "")


def test_a_run_that_cuda_fails_is_not_the_files_fault(
    ort: Callable[..., StandInOrt], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ort()
    generator = runtime.load(TINY, "cuda")
    plain, run = generator.generate("disc", 1), StandIn.run

    def full(self: StandIn, names: list[str], feed: dict[str, Any]) -> list[Any]:
        if "CUDAExecutionProvider" in self.active:
            raise RuntimeError("CUDA error cudaErrorMemoryAllocation: out of memory\nand much more")
        return run(self, names, feed)

    monkeypatch.setattr(StandIn, "run", full)
    with pytest.raises(DeviceUnavailable, match=r"'cuda' cannot run here: a run there failed: CUDA error .* out of memory\."):
        generator.generate("disc", 1)
    with pytest.raises(DeviceUnavailable, match="out of memory"):
        runtime.load(TINY, "cuda")
    automatic = runtime.load(TINY)
    assert (str(automatic.device), automatic.device.requested) == ("cpu", "auto")
    assert "out of memory" in automatic.device.reason
    assert automatic.generate("disc", 1).tobytes() == plain.tobytes()

    def broken(*_: Any) -> list[Any]:
        raise RuntimeError("Reshape")

    monkeypatch.setattr(StandIn, "run", broken)
    for device in ("auto", "cuda"):
        with pytest.raises(NotAGenerator, match="Reshape"):
            runtime.load(TINY, device)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("count", [0, -1, 1.0, True, 10**9])
def test_a_number_of_pictures_that_is_none_is_refused(count: Any) -> None:
    with pytest.raises(RequestError, match="cuda_batch"):
        runtime.load(TINY, "cpu", cuda_batch=count)


def test_onnxruntime_itself_runs_what_is_bound(part: Callable[[str], None]) -> None:
    part("onnxruntime")
    import onnxruntime

    class Here(onnxruntime.OrtValue):  # type: ignore[misc]
        """The same values in this machine's memory."""

        @classmethod
        def ortvalue_from_numpy(cls, array: Any, device: str, index: int) -> Any:
            assert (device, index) == ("cuda", 0)
            return onnxruntime.OrtValue.ortvalue_from_numpy(array.copy(), "cpu", 0)

        @classmethod
        def ortvalue_from_shape_and_type(cls, shape: list[int], dtype: Any, device: str, index: int) -> Any:
            assert (device, index) == ("cuda", 0)
            return onnxruntime.OrtValue.ortvalue_from_shape_and_type(shape, dtype, "cpu", 0)

    stand_in: Any = type("Here", (), {"OrtValue": Here, "RunOptions": onnxruntime.RunOptions})
    session, _ = backend.open_session(TINY, "cpu", None)
    graphs = FixedBatch(GraphedSession(stand_in, session, 0, 4), 4)
    random = np.random.default_rng(1)
    for names in (["pixels"], ["image", "pixels"], ["pixels"]):
        feed = {
            "latent": random.normal(size=(6, 8)).astype(np.float32),
            "label": np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1, 0]],
        }
        for made, wanted in zip(graphs.run(names, feed), session.run(names, feed), strict=True):
            assert made.dtype == wanted.dtype
            np.testing.assert_array_equal(made, wanted)


@pytest.mark.gpu
@pytest.mark.parametrize("cuda_graphs", [False, True])
def test_on_a_gpu_a_picture_does_not_depend_on_its_batch(cuda_graphs: bool, capfd: pytest.CaptureFixture[str]) -> None:
    generator = runtime.load("fashion", "cuda", cuda_graphs=cuda_graphs)
    assert capfd.readouterr() == ("", "")
    together = generator.generate("bag", range(256), batch_size=256)
    for size in (1, 7, 64):
        assert generator.generate("bag", range(256), batch_size=size).tobytes() == together.tobytes()


@pytest.mark.gpu
def test_on_a_gpu_graphs_and_precision_change_no_more_than_a_level() -> None:
    wanted = runtime.load("fashion", "cpu").generate("bag", range(64)).astype(int)
    for graphs, precise in ((False, False), (False, True), (True, False), (True, True)):
        made = runtime.load("fashion", "cuda", cuda_graphs=graphs, precise=precise).generate("bag", range(64))
        apart = np.abs(made.astype(int) - wanted)
        assert np.mean(apart > 1) <= 0.001
