"""Evaluations, calibrations and searches on the workers of a Dask cluster: the same bits as in one process.

The pictures are split into shards, a task of `distributed` each; what the tasks give is joined by the library's exact
merge, so that results do not depend on how many workers there are, in what order they end, or which tasks were run again
because a worker died. Dask schedules; nothing here does. It takes `distributed`: pip install nniesim[dask].

The files of the network (prototxt, caffemodel, cfg, means, lists) go to the workers as bytes; files that a cfg names by
an absolute path must be there. Pictures in files are read by the workers, at the same absolute paths, or sent with
`ship_pictures=True`. Functions (decisions, scores) are sent as `distributed` sends them.
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import os
import shutil
import tempfile
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Optional, Union

from ._core import Ranges
from ._types import Floats, Path, path_text
from ._types import core as _core
from .debugging import Search
from .evaluation import Evaluation, merge_evaluations, merge_ranges
from .network import Inputs, Mode, Network, Precisions, sequence_of

try:
    from distributed import Client, as_completed
except ImportError as problem:  # pragma: no cover
    raise ImportError("nniesim.dask needs distributed: pip install nniesim[dask]") from problem

__all__ = ["calibrate", "evaluate", "search"]

_OF_FILES = ("cfg", "prototxt", "caffemodel", "mean_file")


@dataclasses.dataclass(frozen=True)
class _Shipped:
    """A network as bytes: how it was read, and the files, by their absolute paths."""

    options: dict[str, Any]
    files: dict[str, bytes]
    digest: str


def _ship(network: Network, further: Sequence[str] = ()) -> _Shipped:
    options = dict(network._options)
    if not options:
        raise _core.Error("nniesim.dask: the network was not made by Network.from_cfg() or Network.from_caffe()")
    names = [*_core.network_files(network._files), *further]
    custom = [text.split("=", 1) for text in options["custom"]]
    names += [name for _, name in custom]
    files = {}
    for name in dict.fromkeys(map(os.path.abspath, names)):
        with open(name, "rb") as file:
            files[name] = file.read()
    for option in _OF_FILES:
        if options[option] is not None:
            options[option] = os.path.abspath(options[option])
    options["custom"] = [f"{layer}={os.path.abspath(name)}" for layer, name in custom]
    options["threads"] = 1
    digest = hashlib.sha256(repr(sorted(options.items(), key=lambda item: item[0])).encode())
    for name, content in files.items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return _Shipped(options, files, digest.hexdigest())


class _Unpacked:
    """A shipped network in a worker: its files lie in a folder that goes with it."""

    def __init__(self, shipped: _Shipped) -> None:
        self.root = tempfile.mkdtemp(prefix="nniesim-")
        weakref.finalize(self, shutil.rmtree, self.root, True)
        for name, content in shipped.files.items():
            os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
            with open(self.path(name), "wb") as file:
                file.write(content)
        options = dict(shipped.options)
        for option in _OF_FILES:
            if options[option] is not None:
                options[option] = self.path(options[option])
        options["custom"] = [
            f"{layer}={self.path(name)}" for layer, name in (text.split("=", 1) for text in options["custom"])
        ]
        self.network = Network._load(**options)

    def path(self, name: str) -> str:
        """Where a file of the client lies here; files of the cfg keep their places relative to it."""
        return self.root + name


_unpacked: collections.OrderedDict[str, _Unpacked] = collections.OrderedDict()
_unpacking = threading.Lock()
_MOST_UNPACKED = 2


def _unpack(shipped: _Shipped) -> _Unpacked:
    """The network of this process; the last two are kept for further shards."""
    with _unpacking:
        found = _unpacked.pop(shipped.digest, None) or _Unpacked(shipped)
        _unpacked[shipped.digest] = found
        while len(_unpacked) > _MOST_UNPACKED:
            _unpacked.popitem(last=False)
    return found


@dataclasses.dataclass(frozen=True)
class _Files:
    """A picture in files, one for each input."""

    given: tuple[str, ...]
    """As lists and folders give them: for messages."""
    places: tuple[str, ...]
    """Absolute paths."""
    contents: Optional[tuple[Optional[bytes], ...]]
    """None of a file that cannot be read; None where workers read them."""
    problem: Optional[str]
    """What one process says of it, where a file is not there."""

    def read(self, network: Network) -> Any:
        if self.problem is not None:
            raise _core.Error(self.problem)
        if self.contents is None:
            return self._read_at(network, self.places)
        with tempfile.TemporaryDirectory(prefix="nniesim-") as folder:
            places = []
            for i, (name, content) in enumerate(zip(self.places, self.contents)):
                places.append(os.path.join(folder, f"{i}-{os.path.basename(name)}"))
                if content is not None:
                    with open(places[-1], "wb") as file:
                        file.write(content)
            return self._read_at(network, places)

    def _read_at(self, network: Network, places: Sequence[str]) -> Any:
        try:
            return _core.read_inputs(network._files, list(places), None)
        except _core.Error as problem:
            # What the record says must not depend on where the file lay.
            message = str(problem)
            for place, given in zip(places, self.given):
                message = message.replace(place, given)
            raise _core.Error(message) from None


class _Shard(Sequence[Any]):
    """All pictures of an evaluation, of which this process has those of one shard."""

    def __init__(self, network: Network, items: Any, is_whole: bool, size: int, index: int, count: int) -> None:
        self._network, self._items, self._is_whole = network, items, is_whole
        self._size, self._index, self._count = size, index, count

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, i: Any) -> Any:
        if self._is_whole:
            return self._items[i]
        if i % self._count != self._index:
            raise LookupError(f"nniesim.dask: picture {i} is not of shard {self._index}/{self._count}")
        item = self._items[i // self._count]
        return item.read(self._network) if isinstance(item, _Files) else item


@dataclasses.dataclass
class _Pictures:
    """What the pictures of a job are, in the client."""

    names: list[str]
    labels: Optional[list[int]]
    items: Any
    is_whole: bool
    """Each worker gets all of `items` and takes its own."""

    def of(self, index: int, count: int) -> Any:
        return self.items if self.is_whole else self.items[index::count]


def _contents(places: Iterable[str]) -> tuple[Optional[bytes], ...]:
    found: list[Optional[bytes]] = []
    for place in places:
        try:
            with open(place, "rb") as file:
                found.append(file.read())
        except OSError:
            found.append(None)  # the worker says so, as one process would
    return tuple(found)


def _pictures(network: Network, options: dict[str, Any], ship_pictures: bool) -> _Pictures:
    found = _core.picture_names(network._files, options)
    names, labels = found["names"], found["labels"]
    if options["pictures"] is not None:
        pictures = options["pictures"]
        if isinstance(pictures, (list, tuple)) or hasattr(pictures, "__array__"):
            return _Pictures(names, labels, pictures, False)
        return _Pictures(names, labels, pictures, True)
    if not all(found["files"]):
        # Parts of files: the client reads them.
        return _Pictures(names, labels, [network.picture(i) for i in range(len(names))], False)
    texts = found["texts"] or [None] * len(names)
    items = []
    for given, text in zip(found["files"], texts):
        places, problem = tuple(map(os.path.abspath, given)), None
        if not all(map(os.path.exists, places)):
            try:
                _core.read_inputs(network._files, list(given), text)
            except _core.Error as error:
                problem = str(error)
        items.append(_Files(given, places, _contents(places) if ship_pictures else None, problem))
    return _Pictures(names, labels, items, False)


def _same(value: Any) -> Any:
    return value


def _sent(client: Any, value: Any) -> Any:
    """A future of a value that is computed again where all workers that had it are gone, which scattered data is not."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sending large graph")
        return client.submit(_same, value, pure=False)


def _shards(client: Any, shards: Optional[int], pictures: int, per_thread: int = 4) -> int:
    if getattr(client, "asynchronous", False):
        raise _core.Error("nniesim.dask: the client is asynchronous, expected one that waits")
    if shards is not None:
        if isinstance(shards, bool) or not isinstance(shards, int):
            raise TypeError(f"nniesim.dask: shards is of type {type(shards).__name__}, expected an int")
        if shards < 1:
            raise _core.FormatError(f"nniesim.dask: shards is {shards}, expected at least 1")
    else:
        shards = per_thread * max(1, sum(client.nthreads().values()))
    return min(shards, pictures)


def _results(client: Any, tasks: list[Any]) -> Iterable[Any]:
    """What tasks give, as they end; where one fails the others are cancelled."""
    try:
        for _, result in as_completed(tasks, with_results=True):  # type: ignore[no-untyped-call]
            yield result
    except BaseException:
        client.cancel(tasks)
        raise


def _submit(client: Any, function: Callable[..., Any], *arguments: Any, retries: int = 0) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sending large graph")
        return client.submit(function, *arguments, pure=False, retries=retries)


def _evaluate_shard(
    shipped: _Shipped, ranges: Ranges, options: dict[str, Any], items: Any, is_whole: bool, index: int, count: int
) -> bytes:
    """The bytes of a shard's file of records."""
    unpacked = _unpack(shipped)
    pictures = _Shard(unpacked.network, items, is_whole, len(options["names"]), index, count)
    if options["compensated"] is not None:
        options = options | {"compensated": unpacked.path(options["compensated"])}
    with tempfile.TemporaryDirectory(prefix="nniesim-") as folder:
        state = os.path.join(folder, "records")
        own = {"pictures": pictures, "state": state, "shard_index": index, "shard_count": count}
        _core.evaluate(unpacked.network._files, ranges, options | own)
        with open(state, "rb") as file:
            return file.read()


def evaluate(
    client: Client,
    network: Network,
    mode: Mode = None,
    *,
    precisions: Precisions = None,
    pictures: Optional[Iterable[Inputs]] = None,
    names: Optional[Sequence[str]] = None,
    lists: Union[Path, Sequence[Path], None] = None,
    folder: Optional[Path] = None,
    labels: Union[bool, Sequence[int], None] = None,
    ranges: Optional[Ranges] = None,
    top_k: Optional[int] = None,
    threshold: Optional[float] = None,
    decisions: Optional[Mapping[str, Callable[[dict[str, Floats]], Union[str, int]]]] = None,
    output_layer: Optional[str] = None,
    compensated: Optional[Path] = None,
    output: Optional[Path] = None,
    shards: Optional[int] = None,
    retries: int = 0,
    ship_pictures: bool = False,
    **report: Any,
) -> Evaluation:
    """`Network.evaluate` on a cluster: the same Evaluation, and in `output` the same bytes, as in one process.

    Lists, tuples and arrays of `pictures` are split here, and each shard's sent; any other sequence goes to each task as a
    whole, which indexes its own pictures. `shards`: how many tasks, four for each thread of the workers unless given.
    `retries`: how often a task that raised is tried again (one whose worker died is by Dask itself). Raises what a task
    raised, and what `Network.evaluate` and `merge_evaluations` raise.
    """
    if compensated is not None and ranges is None:
        raise _core.Error("nniesim.dask.evaluate: a compensated network needs ranges, expected some")
    found, about = network._prepared(mode, precisions, ranges)
    options = Network._of_pictures(pictures, names, lists, folder, labels)
    all_pictures = _pictures(network, options, ship_pictures)
    if not all_pictures.names:
        raise _core.FormatError("nniesim.dask.evaluate: no pictures, expected one")
    changed = None if compensated is None else os.path.abspath(os.fspath(compensated))
    options |= {
        "mode": mode,
        "precisions": None if precisions is None else dict(precisions),
        "ranges_are_given": True,
        "about": about,
        "top_k": top_k,
        "threshold": threshold,
        "decisions": None if decisions is None else dict(decisions),
        "output_layer": output_layer,
        "compensated": changed,
        "compensate": None,
        "threads": 1,
        "progress": None,
        "stop": None,
        "names": all_pictures.names,
        "labels": all_pictures.labels,
        "has_labels": False,
        "pictures": None,
        "lists": None,
        "folder": None,
    }
    count = _shards(client, shards, len(all_pictures.names))
    shipped = _sent(client, _ship(network, [] if changed is None else [changed]))
    sent_ranges, sent_options = _sent(client, found), _sent(client, options)
    tasks = [
        _submit(
            client,
            _evaluate_shard,
            shipped,
            sent_ranges,
            sent_options,
            all_pictures.of(k, count),
            all_pictures.is_whole,
            k,
            count,
            retries=retries,
        )
        for k in range(count)
    ]
    with tempfile.TemporaryDirectory(prefix="nniesim-") as temporary:
        parts: list[str] = []
        for part in _results(client, tasks):
            parts.append(os.path.join(temporary, str(len(parts))))
            with open(parts[-1], "wb") as file:
                file.write(part)
        return merge_evaluations(parts, output, **report)


def _calibrate_shard(
    shipped: _Shipped, mode: Mode, precisions: Precisions, items: Any, is_whole: bool, size: int, index: int, count: int
) -> Ranges:
    network = _unpack(shipped).network
    pictures = _Shard(network, items, is_whole, size, index, count)
    own = (pictures[i] for i in range(index, size, count))
    return network.calibrate(mode, precisions=precisions, pictures=own, rule="floating")


def calibrate(
    client: Client,
    network: Network,
    mode: Mode = None,
    *,
    precisions: Precisions = None,
    pictures: Optional[Iterable[Inputs]] = None,
    rule: str = "floating",
    shards: Optional[int] = None,
    retries: int = 0,
    ship_pictures: bool = False,
) -> Ranges:
    """`Network.calibrate(rule="floating")` on a cluster: the same ranges as in one process.

    The rule "quantized" has no exact parts: a picture is quantized with the ranges of those before it. Raises FormatError
    for it: calibrate in one process, where a few hundred pictures do, and evaluate on the cluster. `shards`, `retries` and
    `ship_pictures` as of `evaluate`. A picture that cannot be read raises, as in one process.
    """
    if rule != "floating":
        raise _core.FormatError(
            f"nniesim.dask.calibrate: rule is {rule!r}, expected 'floating': ranges of the rule 'quantized' depend on the "
            "order of the pictures and have no parts; use Network.calibrate()"
        )
    given = Network._of_pictures(None if pictures is None else sequence_of(pictures), None, None, None, None)
    all_pictures = _pictures(network, given, ship_pictures)
    size = len(all_pictures.names)
    if size == 0:
        raise _core.Error("nniesim.dask.calibrate: pictures is empty, expected at least one")
    count = _shards(client, shards, size)
    shipped = _sent(client, _ship(network))
    plan = None if precisions is None else dict(precisions)
    tasks = [
        _submit(
            client,
            _calibrate_shard,
            shipped,
            mode,
            plan,
            all_pictures.of(k, count),
            all_pictures.is_whole,
            size,
            k,
            count,
            retries=retries,
        )
        for k in range(count)
    ]
    return merge_ranges(list(_results(client, tasks)))


def _score(
    shipped: _Shipped, pictures: list[Any], ranges: Ranges, plan: dict[str, str], judged: dict[str, Any]
) -> float:
    network = _unpack(shipped).network
    return float(_core.plan_score(network._files, plan, ranges, judged | {"pictures": pictures}))


def search(
    client: Client,
    network: Network,
    goal: Optional[float] = None,
    *,
    target: str = "output-cosine",
    layers: Optional[Sequence[str]] = None,
    score: Optional[Callable[[dict[str, Floats], dict[str, Floats]], float]] = None,
    budget: Optional[float] = None,
    strategy: str = "by-gain",
    pictures: Union[int, Sequence[Inputs]] = 1,
    calibration: Optional[Path] = None,
    state_file: Optional[Path] = None,
    output: Optional[Path] = None,
    shards: Optional[int] = None,
    retries: int = 0,
) -> Search:
    """`Network.search` whose plans are tried on a cluster: the same result, and state file, as in one process.

    Plans come one after the other, for each depends on the scores before; of each plan the shards of the pictures are run
    at once, and its score is the smallest of theirs. Worth it with several pictures: at most as many workers are busy as
    there are shards, one for each thread of the workers unless given. The client reads the pictures, runs the float
    network on them once, for the state file, and sends them.
    """
    if not isinstance(pictures, int):
        listed: list[Any] = [dict(x) if isinstance(x, Mapping) else x for x in sequence_of(pictures)]
    elif network.listed_pictures == 0:
        listed = [network.picture()]
    else:
        first = network.listed_pictures - pictures
        if pictures < 1 or first < 0:
            raise _core.Error(
                f"nniesim.dask.search: pictures is {pictures}, expected 1 .. {network.listed_pictures}, the cfg's lists"
            )
        listed = [network.picture(first + i) for i in range(pictures)]
    if not listed:
        raise _core.Error("nniesim.dask.search: pictures is empty, expected at least one")
    count = _shards(client, shards, len(listed), per_thread=1)
    shipped = _sent(client, _ship(network))
    judged = {"target": target, "layers": layers, "score": score}
    sent_judged = _sent(client, judged)
    chunks = [_sent(client, listed[k::count]) for k in range(count)]
    sent_ranges: list[Any] = []

    def measure(plan: dict[str, str], ranges: Ranges) -> float:
        if not sent_ranges:
            sent_ranges.append(_sent(client, ranges))
        tasks = [
            _submit(client, _score, shipped, chunk, sent_ranges[0], plan, sent_judged, retries=retries)
            for chunk in chunks
        ]
        return float(min(_results(client, tasks)))

    return network._search(
        judged
        | {
            "goal": goal,
            "budget": budget,
            "strategy": strategy,
            "pictures": listed,
            "inputs": None,
            "calibration": path_text(calibration),
            "state_file": path_text(state_file),
            "output": path_text(output),
            "measure": measure,
        }
    )
