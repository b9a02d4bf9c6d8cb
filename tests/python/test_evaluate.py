"""Evaluations over many pictures: byte for byte the files of the tool, which is the C++ library by another way."""

import itertools
import json
import math
import os
import signal
import subprocess
import threading

import nniesim
import numpy as np
import pytest
from conftest import CFG, TOOL, tool, write_two_layers


def evaluate_by_tool(state, *arguments):
    command = [TOOL, "evaluate", "--cfg", CFG, "--state", state, "--json", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def tools_file(tmp_path_factory):
    """The tool's evaluation of the example: its file and what it prints."""
    path = tmp_path_factory.mktemp("tool") / "all.eval"
    return path, evaluate_by_tool(path, "--top-k", 2, "--threshold", 0.5)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A network of one input of 8 x 8 pictures, with a cfg, a folder of them and a list with labels."""
    folder = tmp_path_factory.mktemp("one")
    rng = np.random.default_rng(3)
    write_two_layers(folder, rng, scale=0.02)
    (folder / "pictures").mkdir()
    lines = []
    for i in range(6):
        name = f"pictures/{i}.npy"
        np.save(folder / name, rng.uniform(0, 255, (1, 3, 8, 8)).astype(np.float32))
        lines.append(name)
    (folder / "list.txt").write_text("\n".join(lines) + "\n")
    labels = [0, 1, 2, 3, 4, 9]
    (folder / "labelled.txt").write_text("".join(f"{n} {c}\n" for n, c in zip(lines, labels)))
    (folder / "net.cfg").write_text(
        "[prototxt_file] net.prototxt\n[caffemodel_file] net.caffemodel\n[net_type] 0\n[compile_mode] 0\n"
        "[image_list] list.txt\n[image_type] 1\n[mean_file] null\n[norm_type] 0\n"
    )
    return folder


def same_estimate(found, expected):
    return (found.value, found.low, found.high) == (expected["value"], expected["low"], expected["high"])


def same_summary(found, expected):
    assert (found.count, found.not_finite) == (expected["count"], expected["not_finite"])
    if not found.count:
        return found.mean is None
    assert list(found.percentiles) == [1, 5, 25, 50, 75, 95, 99]
    assert all(same_estimate(e, expected[f"p{p}"]) for p, e in found.percentiles.items())
    return same_estimate(found.mean, expected["mean"]) and same_estimate(found.worst, expected["worst"])


def same_share(found, expected):
    assert (found.count, found.of) == (expected["count"], expected["of"])
    return found.share is None if expected["share"] is None else same_estimate(found.share, expected["share"])


def test_the_file_has_the_bytes_of_the_tools(feature_norm, tools_file, tmp_path):
    path, _ = tools_file
    feature_norm.evaluate(top_k=2, threshold=0.5, state=tmp_path / "mine", resamples=0)
    assert (tmp_path / "mine").read_bytes() == path.read_bytes()


def test_so_it_has_with_other_rules_and_in_16_bits(tmp_path):
    network = nniesim.Network.from_cfg(CFG, sum_rounding="nearest", functions="exact")
    network.evaluate(1, state=tmp_path / "mine", resamples=0)
    evaluate_by_tool(tmp_path / "tools", "--mode", 1, "--sum-rounding", "nearest", "--functions", "exact")
    assert (tmp_path / "mine").read_bytes() == (tmp_path / "tools").read_bytes()


@pytest.mark.parametrize("threads", [1, 3])
def test_the_summary_is_the_tools(threads, feature_norm, tools_file):
    _, expected = tools_file
    found = feature_norm.evaluate(top_k=2, threshold=0.5, threads=threads)
    assert (found.network, found.pictures, found.evaluated, found.bad, found.missing) == ("feature_norm", 20, 20, 0, 0)
    assert found.about == expected["about"] and found.shard == (0, 1)
    assert [x.layer for x in found.layers] == [x["layer"] for x in expected["layers"]]
    for x, y in zip(found.layers, expected["layers"]):
        assert x.is_output == y["is_output"] and x.cosine.worst_picture == y["cosine"]["worst_picture"]
        for kind in ("cosine", "norm_error", "relative_l2_error"):
            assert same_summary(getattr(x, kind), y[kind]), (x.layer, kind)
    assert [n.name for n in found.norms] == [n["name"] for n in expected["norms"]] != []
    for x, y in zip(found.norms, expected["norms"]):
        assert x.constant == y.get("constant") and x.new_constant is None and x.compensated is None
        assert same_summary(x.in_float, y["float"]) and same_summary(x.error, y["error"])
        assert x.edges.tolist() == y["histogram"]["edges"]
        assert x.shares_quantized.tolist() == y["histogram"]["quantized"]
    assert [d.name for d in found.decisions] == [d["decision"] for d in expected["decisions"]]
    assert all(same_share(x.quantized, y["quantized"]) for x, y in zip(found.decisions, expected["decisions"]))
    assert [(p.name, p.number, p.relative_l2_error) for p in found.worst_pictures] == [
        (p["picture"], p["number"], p["relative_l2_error"]) for p in expected["worst_pictures"]
    ]
    assert found.accuracy is None and "20 evaluated" in str(found) and "<td>jfc</td>" in found._repr_html_()


def test_shards_merge_to_one_file(feature_norm, tools_file, tmp_path):
    path, _ = tools_file
    ranges = feature_norm.calibrate()
    parts = []
    for i in (2, 0, 1):
        parts.append(tmp_path / f"part{i}")
        part = feature_norm.evaluate(
            ranges=ranges, top_k=2, threshold=0.5, shard=(i, 3), state=parts[-1], threads=1 + i, resamples=0
        )
        assert part.shard == (i, 3) and part.evaluated == (7, 7, 6)[i]
    joined = nniesim.merge_evaluations([parts[0], parts[1].read_bytes(), str(parts[2])], tmp_path / "all", resamples=0)
    assert (tmp_path / "all").read_bytes() == path.read_bytes() and joined.missing == 0
    with pytest.raises(nniesim.Error, match="14 of 20 pictures are there"):
        nniesim.merge_evaluations(parts[1:])
    some = nniesim.merge_evaluations(parts[1:], incomplete=True, resamples=0)
    assert some.missing == 6 and some.evaluated == 14
    with pytest.raises(nniesim.Error, match="is in both"):
        nniesim.merge_evaluations([*parts, parts[0]])
    other = feature_norm.evaluate(1, shard=(0, 3), state=tmp_path / "other", resamples=0)
    assert other.evaluated == 7
    with pytest.raises(nniesim.Error, match="differ in precision of the layers"):
        nniesim.merge_evaluations([parts[0], tmp_path / "other"])


def test_reports_are_the_tools(tools_file, tmp_path):
    path, _ = tools_file
    nniesim.read_evaluation(
        path, worst=3, html=tmp_path / "m.html", csv=tmp_path / "m.csv", json=tmp_path / "m.json", threads=2
    )
    command = [TOOL, "merge", path, "--worst", "3", "--html", tmp_path / "t.html", "--csv", tmp_path / "t.csv"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=300, check=True)
    printed, written = json.loads(done.stdout), json.loads((tmp_path / "m.json").read_text())
    assert written == {key: printed[key] for key in written} and len(written) > 10
    for ending in ("html", "csv"):
        assert (tmp_path / f"m.{ending}").read_bytes() == (tmp_path / f"t.{ending}").read_bytes()


def test_arrays_give_the_records_of_files(feature_norm, tools_file, tmp_path):
    path, _ = tools_file
    names = nniesim.read_evaluation_records(path).names
    pictures = [feature_norm.picture(i) for i in range(20)]
    ranges = feature_norm.calibrate()
    expected = path.read_bytes()
    for given in (pictures, (tuple(p.values()) for p in pictures)):
        state = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        feature_norm.evaluate(
            pictures=given, names=names, ranges=ranges, top_k=2, threshold=0.5, state=state, threads=2, resamples=0
        )
        assert state.read_bytes() == expected


def test_records_are_what_was_measured(feature_norm, tools_file):
    path, printed = tools_file
    r = nniesim.read_evaluation_records(path)
    assert r.numbers.tolist() == list(range(20)) and len(r.names) == 20 and not r.bad and r.right is None
    assert r.layers == tuple(x["layer"] for x in printed["layers"])
    assert r.cosine.shape == r.l2_other.shape == (20, len(r.layers))
    table = feature_norm.compare(inputs=feature_norm.picture(4), ranges=feature_norm.calibrate()).accumulated
    assert set(table.names) <= set(r.layers) and len(table) > 50
    for row in table:
        i, c = r.layers.index(row.name), row.comparison
        assert (r.cosine[4, i], r.relative_l2_error[4, i]) == (c.cosine, c.relative_l2_error), row.name
        assert (r.l2_reference[4, i], r.l2_other[4, i]) == (c.l2_reference, c.l2_other), row.name
    norms = r.norms[printed["norms"][0]["name"]]
    assert norms.in_float.shape == norms.quantized.shape and norms.in_float.shape[0] == 20
    worst = max(norms.in_float.ravel())
    assert worst == printed["norms"][0]["float"]["worst"]["value"]
    assert r.decisions == tuple(d["decision"] for d in printed["decisions"]) and r.agrees.shape == (20, 2, 2)
    assert r.agrees[:, 0, 0].sum() == printed["decisions"][0]["quantized"]["count"]
    floating = feature_norm.calibrate(rule="floating").largest
    assert {n: float(v) for n, v in zip(r.ranges, r.largest.max(axis=0))} == {n: floating[n] for n in r.ranges}


def test_lists_labels_and_folders(one, tmp_path):
    network = nniesim.Network.from_cfg(one / "net.cfg")
    by_tool = [TOOL, "evaluate", "--cfg", one / "net.cfg", "--top-k", "1", "--json"]
    for ours, options in (
        ({"lists": one / "labelled.txt", "labels": True}, ["--list", one / "labelled.txt", "--labels"]),
        ({"folder": one / "pictures"}, ["--folder", one / "pictures"]),
        ({}, []),
    ):
        for f in tmp_path.iterdir():
            f.unlink()
        found = network.evaluate(**ours, top_k=1, state=tmp_path / "mine")
        command = [*by_tool, *options, "--state", tmp_path / "tools"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        assert (tmp_path / "mine").read_bytes() == (tmp_path / "tools").read_bytes(), ours
        labels = json.loads(done.stdout)["labels"]
        if labels is None:
            assert found.accuracy is None
            continue
        assert found.accuracy.out_of_range == labels["out_of_range"] == 1
        assert found.accuracy.named == ("pictures/5.npy",)
        assert same_share(found.accuracy.in_float, labels["float"])
        assert same_share(found.accuracy.quantized, labels["quantized"]) and found.accuracy.quantized.of == 5
        assert nniesim.read_evaluation_records(tmp_path / "mine").right[:, 0].tolist() == [True] * 5 + [False]


def test_labels_of_arrays(one):
    network = nniesim.Network.from_cfg(one / "net.cfg")
    pictures = np.concatenate([network.picture(i)["data"] for i in range(6)])[:, None]
    largest = [int(np.argmax(network.run(p, "float32")["fc"])) for p in pictures]
    found = network.evaluate(pictures=pictures, labels=np.array(largest), resamples=0)
    assert (found.accuracy.in_float.count, found.accuracy.in_float.of) == (6, 6)
    wrong = network.evaluate(pictures=pictures, labels=[(c + 1) % 5 for c in largest], resamples=0)
    assert wrong.accuracy.in_float.count == 0 and wrong.worst_pictures[0].name.startswith("picture ")


def test_compensated_constants_run_as_a_third_network(feature_norm, tmp_path):
    feature_norm.compensate(output=tmp_path / "new.prototxt")
    found = feature_norm.evaluate(compensated=tmp_path / "new.prototxt", state=tmp_path / "mine")
    expected = evaluate_by_tool(tmp_path / "tools", "--compensated", tmp_path / "new.prototxt")
    assert (tmp_path / "mine").read_bytes() == (tmp_path / "tools").read_bytes()
    norms = found.norms[0]
    assert norms.new_constant == expected["norms"][0]["new_constant"] != norms.constant
    assert norms.removed == expected["norms"][0]["removed"] and same_summary(
        norms.error_compensated, expected["norms"][0]["error_compensated"]
    )


def test_constants_are_solved_on_some_pictures_and_judged_on_the_others(feature_norm, tmp_path):
    found = feature_norm.evaluate(compensate=np.int64(5), state=tmp_path / "mine", resamples=0)
    expected = evaluate_by_tool(tmp_path / "tools", "--compensate", 5)
    assert (tmp_path / "mine").read_bytes() == (tmp_path / "tools").read_bytes()
    assert found.norms[0].new_constant == expected["norms"][0]["new_constant"] != found.norms[0].constant
    assert found.norms[0].removed > 0.5
    with pytest.raises(nniesim.Error, match="20 of 20 pictures leaves none"):
        feature_norm.evaluate(compensate=20)
    with pytest.raises(nniesim.Error, match="got compensated and compensate"):
        feature_norm.evaluate(compensate=5, compensated=tmp_path / "new.prototxt")


def test_search_and_compensate_take_the_records(feature_norm, tmp_path):
    state = tmp_path / "s"
    worst = feature_norm.evaluate(state=state, worst=2, resamples=0).worst_pictures
    found = feature_norm.search(0.9999, evaluation=state, pictures=2)
    assert found == feature_norm.search(0.9999, pictures=[feature_norm.picture(p.number) for p in worst])
    expected = tool("search", "--cfg", CFG, "--goal", 0.9999, "--evaluation", state, "--pictures", 2, allowed=(0, 1))
    assert expected["pictures"] == [p.name for p in worst] and found.verdict == expected["summary"]
    with pytest.raises(nniesim.Error, match="expected 21 to search with"):
        feature_norm.search(evaluation=state, pictures=21)
    with pytest.raises(nniesim.Error, match="got an evaluation and inputs"):
        feature_norm.search(evaluation=state, inputs=feature_norm.picture(0))
    with pytest.raises(nniesim.Error, match="lists and folder are of an evaluation"):
        feature_norm.search(folder=tmp_path)
    solved = feature_norm.compensate(evaluation=state)
    assert solved.training_pictures == 10 and solved.chains[0].new_constant != solved.chains[0].old_constant
    with pytest.raises(nniesim.ParseError, match="evaluation's state file"):
        feature_norm.compensate(evaluation=CFG)


@pytest.mark.parametrize("threads", [1, 3])
def test_decisions_of_python(threads, feature_norm, tmp_path):
    from_threads = set()

    def winner(outputs):
        assert list(outputs) == ["classifier"]
        from_threads.add(threading.get_ident())
        return np.argmax(outputs["classifier"])

    numbers = itertools.count()
    decisions = {
        "winner": winner,
        "text": lambda o: f"{o['classifier'].max():.1f}",
        "never": lambda o: next(numbers),
    }
    found = feature_norm.evaluate(top_k=1, decisions=decisions, threads=threads, resamples=0)
    by_name = {d.name: d.quantized for d in found.decisions}
    assert list(by_name)[1:] == ["winner", "text", "never"]
    assert by_name["winner"].count == next(iter(by_name.values())).count and by_name["winner"].of == 20
    assert by_name["never"].count == 0 and 0 < by_name["text"].count < 20 and from_threads


def test_a_decision_may_use_the_network(feature_norm):
    """Of a thread of the pool, too: nobody waits for the thread that called evaluate."""
    picture = feature_norm.picture(0)
    expected = int(np.argmax(feature_norm.run(picture)["classifier"]))
    found = feature_norm.evaluate(
        decisions={"x": lambda o: int(np.argmax(feature_norm.run(picture)["classifier"]))}, threads=2, resamples=0
    )
    assert found.decisions[0].quantized.count == 20 and expected >= 0


def test_bad_pictures_are_counted_and_named(feature_norm):
    class Pictures:
        def __len__(self):
            return 5

        def __getitem__(self, i):
            if i == 1:
                raise OSError("disk on fire")
            if i == 2:
                return [np.zeros((1, 1, 24, 23), np.float32)] * 4
            if i == 3:
                return [np.full((1, 1, 24, 24), np.nan, np.float32)] * 4
            return feature_norm.picture(i)

    found = feature_norm.evaluate(pictures=Pictures(), threads=2, resamples=0, names=list("abcde"))
    assert (found.evaluated, found.bad, found.missing) == (2, 3, 0)
    problems = {b.name: b.problem for b in found.bad_pictures}
    assert list(problems) == ["b", "c", "d"] and problems["b"] == "disk on fire"
    assert "24x23" in problems["c"] and "NaN" in problems["d"]


def test_exceptions_of_the_program_end_it(feature_norm, tmp_path):
    def fails(_):
        raise ZeroDivisionError("mine")

    pictures = [feature_norm.picture(i) for i in range(4)]
    with pytest.raises(ZeroDivisionError, match="mine"):
        feature_norm.evaluate(decisions={"d": fails}, threads=2)
    with pytest.raises(ZeroDivisionError, match="mine"):
        feature_norm.evaluate(progress=fails, threads=2)
    with pytest.raises(ZeroDivisionError, match="mine"):
        feature_norm.evaluate(stop=lambda: fails(None))
    with pytest.raises(TypeError, match="decision .d. gave a float"):
        feature_norm.evaluate(decisions={"d": lambda o: 0.5}, threads=2)
    with pytest.raises(TypeError, match="element type float64"):
        feature_norm.evaluate(pictures=[*pictures[:2], [x.astype(float) for x in pictures[2].values()]])
    with pytest.raises(TypeError, match="picture 1 is None"):
        feature_norm.evaluate(pictures=[pictures[0], None])


def test_it_stops_and_goes_on(feature_norm, tools_file, tmp_path):
    path, _ = tools_file
    seen = []
    options = {"top_k": 2, "threshold": 0.5, "state": tmp_path / "s", "resamples": 0}
    first = feature_norm.evaluate(**options, progress=seen.append, stop=lambda: bool(seen) and seen[-1].done >= 8)
    assert first.missing == 12 and first.evaluated == 8
    assert [p.done for p in seen] == list(range(9)) and all(p.of == 20 and p.known == 0 for p in seen)
    seen.clear()
    last = feature_norm.evaluate(**options, progress=seen.append, threads=3)
    assert last.missing == 0 and seen[0].known == 8 and seen[-1].done == 20
    assert (tmp_path / "s").read_bytes() == path.read_bytes()
    with pytest.raises(nniesim.FormatError, match="of another evaluation, with other"):
        feature_norm.evaluate(1, state=tmp_path / "s")
    (tmp_path / "s").write_bytes(path.read_bytes()[:-5])
    assert feature_norm.evaluate(**options).evaluated == 20
    assert (tmp_path / "s").read_bytes() == path.read_bytes()


def test_ctrl_c_raises_and_keeps_what_is_done(feature_norm, tools_file, tmp_path):
    path, _ = tools_file

    def interrupts(p):
        if p.done == 5:
            os.kill(os.getpid(), signal.SIGINT)

    options = {"top_k": 2, "threshold": 0.5, "state": tmp_path / "s", "resamples": 0}
    # A process that a script started in the background ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            feature_norm.evaluate(**options, progress=interrupts, threads=2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert 5 <= len(nniesim.read_evaluation_records(tmp_path / "s").numbers) < 20
    feature_norm.evaluate(**options)
    assert (tmp_path / "s").read_bytes() == path.read_bytes()


def test_the_interpreter_is_free_meanwhile(feature_norm):
    counted, is_over = [], threading.Event()

    def count():
        while not is_over.wait(0.001):
            counted.append(None)

    other = threading.Thread(target=count)
    other.start()
    at_first = len(counted)
    feature_norm.evaluate(pictures=[feature_norm.picture(i % 20) for i in range(60)], resamples=200)
    is_over.set()
    other.join()
    assert len(counted) - at_first > 20


HOSTILE = {
    "float": ({"mode": "float32"}, nniesim.FormatError, "float plan"),
    "two kinds": ({"folder": ".", "lists": "x"}, nniesim.Error, "got lists and folder, expected one"),
    "names alone": ({"names": ["a"]}, nniesim.Error, "names are of pictures"),
    "few names": ({"pictures": 2, "names": ["a"]}, nniesim.Error, "names has 1 entries, expected one for each of 2"),
    "labels alone": ({"labels": True}, nniesim.Error, "labels is True, which is for lists"),
    "labels of lists": ({"labels": [1]}, nniesim.Error, "expected them; those of lists: True"),
    "few labels": ({"pictures": 2, "labels": [1]}, nniesim.Error, "labels has 1 entries"),
    "labels of floats": ({"pictures": 1, "labels": [0.5]}, TypeError, "float"),
    "huge labels": ({"pictures": 1, "labels": [2**70]}, nniesim.FormatError, "label 0 is 1180591620717411303424"),
    "no pictures": ({"pictures": 0}, nniesim.FormatError, "no pictures, expected one"),
    "a text": ({"pictures": "abc"}, TypeError, "pictures is of type str"),
    "a number": ({"pictures": 3.5}, TypeError, "float"),
    "lists": ({"lists": ["a", "b"]}, nniesim.Error, "got 2 lists, expected one for each of the network's 4"),
    "no list": ({"lists": ["/nowhere"] * 4}, nniesim.Error, "/nowhere"),
    "folder": ({"folder": "/nowhere"}, nniesim.Error, "4 inputs"),
    "shard": ({"shard": (3, 3), "state": "s"}, nniesim.FormatError, r"its index is 3, expected 0 \.\. 2"),
    "shard's count": ({"shard": (0, 0), "state": "s"}, nniesim.FormatError, "its count is 0"),
    "empty shard": ({"shard": (30, 40), "state": "s"}, nniesim.FormatError, "shard 30/40 of 20 pictures"),
    "shard without state": ({"shard": (0, 2)}, nniesim.Error, "expected state"),
    "shard's type": ({"shard": ("0", 2), "state": "s"}, TypeError, "its index is of type str"),
    "state": ({"state": ""}, nniesim.Error, "state is empty"),
    "state's folder": ({"state": "/nowhere/s"}, nniesim.Error, "/nowhere/s"),
    "threads": ({"threads": 0}, nniesim.FormatError, r"threads is 0, expected 1 \.\. 1024"),
    "top_k": ({"top_k": 0}, nniesim.FormatError, r"top_k is 0, expected 1 \.\."),
    "threshold": ({"threshold": math.nan}, nniesim.FormatError, "threshold"),
    "decisions": ({"decisions": {"a": 3}}, TypeError, "decision .a. is of type int, expected a function"),
    "decision's name": ({"decisions": {3: len}}, TypeError, "a name is of type int"),
    "progress": ({"progress": 3}, TypeError, "progress is of type int"),
    "stop": ({"stop": 3}, TypeError, "stop is of type int"),
    "output": ({"output_layer": "classifer"}, nniesim.Error, "no output of the network.*classifier"),
    "compensated": ({"compensated": "/nowhere"}, nniesim.Error, "/nowhere"),
    "worst": ({"worst": -1}, nniesim.FormatError, "worst is -1"),
    "resamples": ({"resamples": 10**9}, nniesim.FormatError, "resamples is 1000000000"),
    "report": ({"pdf": "x"}, TypeError, "pdf"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_wrong_arguments(name, feature_norm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    named, kind, message = HOSTILE[name]
    if isinstance(named.get("pictures"), int):
        named = named | {"pictures": [feature_norm.picture(i) for i in range(named["pictures"])]}
    with pytest.raises(kind, match=message):
        feature_norm.evaluate(**named)


def test_ranges_are_needed_without_pictures(two_layers, rng):
    prototxt, caffemodel, _ = two_layers
    network = nniesim.Network.from_caffe(prototxt, caffemodel)
    pictures = [rng.standard_normal((1, 3, 8, 8)).astype(np.float32) for _ in range(3)]
    with pytest.raises(nniesim.Error, match="ranges is None"):
        network.evaluate(pictures=pictures)
    ranges = network.calibrate(pictures=pictures)
    assert network.evaluate(pictures=pictures, ranges=ranges, resamples=0).evaluated == 3
    with pytest.raises(nniesim.Error, match="expected a cfg, or pictures as arrays"):
        network.evaluate(ranges=ranges)
    with pytest.raises(nniesim.FormatError, match="more than 1000000 pictures"):
        network.evaluate(pictures=iter(int, 1), ranges=ranges)


def test_damaged_files(tools_file, tmp_path):
    path, _ = tools_file
    whole = path.read_bytes()
    rng = np.random.default_rng(5)
    for place in [*range(24), *rng.integers(24, len(whole), 60)]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "x").write_bytes(damaged)
        with pytest.raises(nniesim.Error, match="x"):
            nniesim.read_evaluation_records(tmp_path / "x")
    for size in rng.integers(0, len(whole), 20):
        (tmp_path / "x").write_bytes(whole[:size])
        try:
            assert len(nniesim.read_evaluation_records(tmp_path / "x").numbers) < 20
        except nniesim.Error as problem:
            assert "x" in str(problem)
    with pytest.raises(nniesim.Error, match="no files"):
        nniesim.merge_evaluations([])
    with pytest.raises(nniesim.Error, match="part0"):
        nniesim.merge_evaluations([b"abc"])
    with pytest.raises(TypeError):
        nniesim.merge_evaluations([3])
    with pytest.raises(nniesim.Error, match="/nowhere"):
        nniesim.read_evaluation("/nowhere")


def test_ranges_of_parts(feature_norm):
    import pickle

    pictures = [feature_norm.picture(i) for i in range(20)]
    whole = feature_norm.calibrate(rule="floating")
    parts = [feature_norm.calibrate(rule="floating", pictures=pictures[k::3]) for k in (1, 2, 0)]
    assert nniesim.merge_ranges(parts) == whole and parts[0] != whole
    quantized = feature_norm.calibrate()
    for ranges in (whole, quantized):
        assert pickle.loads(pickle.dumps(ranges)) == ranges
    with pytest.raises(nniesim.Error, match="depend on the pictures' order"):
        nniesim.merge_ranges([whole, quantized])
    with pytest.raises(nniesim.Error, match="no ranges"):
        nniesim.merge_ranges([])


def test_inputs_of_files(feature_norm):
    files = [CFG.parent / f"pictures/03_comp{k}.png" for k in range(4)]
    found, expected = feature_norm.read_inputs(files), feature_norm.picture(3)
    assert list(found) == list(expected) and all(np.array_equal(found[n], expected[n]) for n in found)
    with pytest.raises(nniesim.Error, match="1 files, expected one for each of the network's 4"):
        feature_norm.read_inputs(files[:1])
    with pytest.raises(nniesim.Error, match="/nowhere: no such file"):
        feature_norm.read_inputs(["/nowhere", *files[1:]])


def test_a_search_takes_pictures_as_arrays(feature_norm):
    pictures = [feature_norm.picture(18), feature_norm.picture(19)]
    assert feature_norm.search(0.9999, strategy="from-first", pictures=pictures) == feature_norm.search(
        0.9999, strategy="from-first", pictures=2
    )
    with pytest.raises(nniesim.Error, match="pictures is empty"):
        feature_norm.search(pictures=[])
