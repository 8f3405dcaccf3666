"""How a command loads its generator: the device, and the runtime's options that matter for work in bulk."""

from __future__ import annotations

from dataclasses import dataclass

from cganx import runtime

__all__ = ["Loading"]


@dataclass(frozen=True)
class Loading:
    """The options of :func:`cganx.runtime.load` that a command line has."""

    device: str = "auto"
    threads: int | None = None
    spin: bool = False
    precise: bool = False
    cuda_graphs: bool = False
    cuda_batch: int = 64

    def load(self, model: str | bytes) -> runtime.Generator:
        """Load a name, a path or a file's bytes. Raises what :func:`cganx.runtime.load` does."""
        return runtime.load(
            model,
            self.device,
            threads=self.threads,
            spin=self.spin,
            precise=self.precise,
            cuda_graphs=self.cuda_graphs,
            cuda_batch=self.cuda_batch,
        )
