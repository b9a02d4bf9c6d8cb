"""Evaluations, calibrations and searches on a cluster of two processes: the same bits as in this one."""

import os
import shutil
import signal

import nniesim
import numpy as np
import pytest

distributed = pytest.importorskip("distributed", reason="skipped: distributed is not installed")
cluster_of = pytest.importorskip("nniesim.dask")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workers")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            local_directory=str(folder),
            memory_limit=0,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.run(os.chdir, "/")  # no relative name of a file means the same there
        yield client


@pytest.fixture(scope="module")
def ranges(feature_norm):
    return feature_norm.calibrate()


@pytest.fixture
def one(tmp_path, two_layers, rng):
    """A network of one input with a cfg, and a list of six pictures, one missing, one damaged, one of another size."""
    prototxt, caffemodel, _ = two_layers
    (tmp_path / "pictures").mkdir()
    lines = [f"pictures/{i}.npy" for i in range(6)]
    for i, line in enumerate(lines):
        shape = (1, 3, 8, 7) if i == 4 else (1, 3, 8, 8)
        np.save(tmp_path / line, rng.standard_normal(shape).astype(np.float32))
    (tmp_path / lines[1]).unlink()
    (tmp_path / lines[3]).write_bytes(b"\x93NUMPY damaged")
    (tmp_path / "labelled.txt").write_text("".join(f"{n} {i % 6}\n" for i, n in enumerate(lines)))
    (tmp_path / "list.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "net.cfg").write_text(
        f"[prototxt_file] {prototxt.name}\n[caffemodel_file] {caffemodel.name}\n[net_type] 0\n[compile_mode] 0\n"
        "[image_list] list.txt\n[image_type] 1\n[mean_file] null\n[norm_type] 0\n"
    )
    return tmp_path


def test_the_cfgs_pictures_for_any_number_of_shards(client, feature_norm, tmp_path):
    named = {"top_k": 1, "threshold": 0.5, "resamples": 20}
    expected = feature_norm.evaluate(**named, state=tmp_path / "one")
    for shards in (1, 3, None, 50):
        out = tmp_path / f"all{shards}"
        found = cluster_of.evaluate(client, feature_norm, **named, shards=shards, output=out)
        assert out.read_bytes() == (tmp_path / "one").read_bytes(), shards
        assert str(found) == str(expected) and found.layers == expected.layers


@pytest.mark.parametrize("ship_pictures", [False, True])
def test_files_and_what_is_wrong_with_them(ship_pictures, client, one, monkeypatch):
    monkeypatch.chdir(one)
    network = nniesim.Network.from_cfg("net.cfg")
    good = [np.load(one / f"pictures/{i}.npy") for i in (0, 2, 5)]
    ranges = network.calibrate(pictures=good)
    for number, named in enumerate(({"lists": "labelled.txt", "labels": True, "top_k": 1}, {"folder": "pictures"}, {})):
        mine, theirs = one / f"mine{number}", one / f"theirs{number}"
        expected = network.evaluate(**named, ranges=ranges, state=mine, resamples=0)
        found = cluster_of.evaluate(
            client,
            network,
            **named,
            ranges=ranges,
            output=theirs,
            resamples=0,
            shards=4,
            ship_pictures=ship_pictures,
        )
        assert [b.problem for b in found.bad_pictures] == [b.problem for b in expected.bad_pictures]
        assert theirs.read_bytes() == mine.read_bytes(), named
        assert expected.bad == (2 if "folder" in named else 3) and expected.evaluated == 3


def test_shipped_pictures_are_read_from_what_was_sent(one):
    network = nniesim.Network.from_cfg(one / "net.cfg")
    good = {k: np.load(one / f"pictures/{k}.npy") for k in (0, 2, 5)}
    shipped = cluster_of._pictures(network, network._of_pictures(None, None, None, None, None), True)
    shutil.rmtree(one / "pictures")
    for k, expected in good.items():
        assert np.array_equal(shipped.items[k].read(network)[0], expected)
    with pytest.raises(nniesim.Error, match="pictures/1.npy: no such file"):
        shipped.items[1].read(network)


def lazy_pictures():
    """A sequence whose pictures are made where they are evaluated; its class goes by value."""

    class Lazy:
        def __len__(self):
            return 11

        def __getitem__(self, i):
            import numpy

            if i == 7:
                raise OSError("no such picture")
            draws = numpy.random.default_rng(i)
            return [draws.uniform(0, 255, (1, 1, 24, 24)).astype(numpy.float32) for _ in range(4)]

    return Lazy()


def test_arrays_and_sequences(client, feature_norm, ranges, tmp_path):
    lazy = lazy_pictures()
    labels = [i % 3 for i in range(11)]
    expected = feature_norm.evaluate(pictures=lazy, ranges=ranges, labels=labels, state=tmp_path / "one", resamples=0)
    assert expected.bad == 1 and expected.bad_pictures[0].name == "picture 7"
    found = cluster_of.evaluate(
        client,
        feature_norm,
        pictures=lazy,
        ranges=ranges,
        labels=labels,
        output=tmp_path / "all",
        shards=4,
        resamples=0,
    )
    assert (tmp_path / "all").read_bytes() == (tmp_path / "one").read_bytes()
    assert found.accuracy == expected.accuracy
    pictures = [lazy[i] for i in range(11) if i != 7]
    names = list("abcdefghij")
    feature_norm.evaluate(pictures=pictures, names=names, ranges=ranges, state=tmp_path / "o", resamples=0)
    for kind, given in enumerate((pictures, iter(pictures), [dict(zip(feature_norm.inputs, p)) for p in pictures])):
        out = tmp_path / f"{kind}"
        cluster_of.evaluate(
            client, feature_norm, pictures=given, names=names, ranges=ranges, output=out, shards=3, resamples=0
        )
        assert out.read_bytes() == (tmp_path / "o").read_bytes(), kind


def killer(marker, by):
    """A decision that ends the first process that is at its second picture, and never again: it makes a file first."""
    calls = []

    def decide(outputs):
        calls.append(None)
        if len(calls) == 4:  # of each picture in float and quantized
            try:
                os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
                os.kill(os.getpid(), by)
            except FileExistsError:
                pass
        return int(outputs["classifier"].argmax())

    return decide


def test_a_worker_is_killed_in_the_middle(client, feature_norm, ranges, tmp_path):
    marker = tmp_path / "killed"
    decisions = {"winner": killer(str(marker), signal.SIGKILL)}
    before = set(client.run(os.getpid).values())
    assert os.getpid() not in before and not marker.exists()
    found = cluster_of.evaluate(
        client, feature_norm, ranges=ranges, decisions=decisions, shards=4, output=tmp_path / "all", resamples=0
    )
    assert marker.exists() and found.evaluated == 20
    client.wait_for_workers(2, timeout=60)
    assert set(client.run(os.getpid).values()) != before  # another came in its place
    feature_norm.evaluate(ranges=ranges, decisions=decisions, state=tmp_path / "one", resamples=0)
    assert (tmp_path / "all").read_bytes() == (tmp_path / "one").read_bytes()


def flaky(marker):
    def decide(outputs):
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return int(outputs["classifier"].argmax())
        raise ZeroDivisionError("once")

    return decide


def test_tasks_that_fail_are_tried_again(client, feature_norm, ranges, tmp_path):
    named = {"ranges": ranges, "shards": 5, "resamples": 0}
    with pytest.raises(ZeroDivisionError, match="once"):
        cluster_of.evaluate(client, feature_norm, decisions={"d": flaky(str(tmp_path / "a"))}, **named)
    decisions = {"d": flaky(str(tmp_path / "b"))}
    cluster_of.evaluate(client, feature_norm, decisions=decisions, retries=1, output=tmp_path / "all", **named)
    feature_norm.evaluate(ranges=ranges, decisions=decisions, state=tmp_path / "one", resamples=0)
    assert (tmp_path / "all").read_bytes() == (tmp_path / "one").read_bytes()


def test_compensated_networks_are_sent_too(client, feature_norm, ranges, tmp_path):
    feature_norm.compensate(output=tmp_path / "new.prototxt")
    named = {"ranges": ranges, "compensated": tmp_path / "new.prototxt", "resamples": 0}
    feature_norm.evaluate(**named, state=tmp_path / "one")
    cluster_of.evaluate(client, feature_norm, **named, output=tmp_path / "all", shards=3)
    assert (tmp_path / "all").read_bytes() == (tmp_path / "one").read_bytes()


def test_other_arithmetic_and_networks_without_a_cfg(client, two_layers, rng, tmp_path):
    prototxt, caffemodel, _ = two_layers
    network = nniesim.Network.from_caffe(prototxt, caffemodel, sum_rounding="nearest", stop_at="conv", threads=2)
    pictures = rng.standard_normal((7, 1, 3, 8, 8)).astype(np.float32)
    found = cluster_of.calibrate(client, network, 1, pictures=pictures)
    assert found == network.calibrate(1, pictures=pictures, rule="floating")
    named = {"pictures": pictures, "ranges": found, "precisions": {"conv": "w8a8"}, "resamples": 0}
    network.evaluate(1, **named, state=tmp_path / "one")
    cluster_of.evaluate(client, network, 1, **named, output=tmp_path / "all")
    assert (tmp_path / "all").read_bytes() == (tmp_path / "one").read_bytes()


def test_calibrate(client, feature_norm):
    expected = feature_norm.calibrate(rule="floating")
    for shards in (1, 7, None):
        assert cluster_of.calibrate(client, feature_norm, shards=shards) == expected
    assert cluster_of.calibrate(client, feature_norm, ship_pictures=True, shards=2) == expected
    with pytest.raises(nniesim.FormatError, match="depend on the order of the pictures"):
        cluster_of.calibrate(client, feature_norm, rule="quantized")


def test_search(client, feature_norm, tmp_path):
    named = {"strategy": "from-first", "pictures": 3}
    expected = feature_norm.search(0.9999, **named, state_file=tmp_path / "one")
    found = cluster_of.search(client, feature_norm, 0.9999, **named, state_file=tmp_path / "all")
    assert found == expected and expected.evaluations > 3
    assert (tmp_path / "all").read_bytes() == (tmp_path / "one").read_bytes()
    again = cluster_of.search(client, feature_norm, 0.9999, **named, state_file=tmp_path / "one")
    assert again.evaluations == 0 and again.best == expected.best
    pictures = [feature_norm.picture(i) for i in (17, 18, 19)]
    assert cluster_of.search(client, feature_norm, 0.9999, strategy="from-first", pictures=pictures) == expected


def of_python():
    return lambda reference, other: -float(abs(reference["classifier"] - other["classifier"]).max())


def test_search_by_a_function(client, feature_norm):
    named = {"score": of_python(), "strategy": "from-first", "pictures": 2}
    assert cluster_of.search(client, feature_norm, -1e-9, **named) == feature_norm.search(-1e-9, **named)

    def fails(reference, other):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        cluster_of.search(client, feature_norm, 0.5, score=fails, pictures=2)


HOSTILE = {
    "shards": ("evaluate", {"shards": 0}, nniesim.FormatError, "shards is 0, expected at least 1"),
    "shards' type": ("evaluate", {"shards": "2"}, TypeError, "shards is of type str"),
    "a bool": ("evaluate", {"shards": True}, TypeError, "shards is of type bool"),
    "compensated": ("evaluate", {"compensated": "x"}, nniesim.Error, "a compensated network needs ranges"),
    "top_k": ("evaluate", {"top_k": 0}, nniesim.FormatError, "top_k is 0"),
    "too many": ("evaluate", {"top_k": 10**6}, nniesim.Error, "none of|values"),
    "no pictures": ("evaluate", {"pictures": []}, nniesim.Error, "no pictures"),
    "no pictures to calibrate": ("calibrate", {"pictures": []}, nniesim.Error, "pictures is empty"),
    "a picture": ("calibrate", {"pictures": [np.zeros(3, np.float32)]}, nniesim.Error, "1 inputs, the network has 4"),
    "pictures of a search": ("search", {"pictures": 21}, nniesim.Error, r"pictures is 21, expected 1 \.\. 20"),
    "none": ("search", {"pictures": []}, nniesim.Error, "pictures is empty"),
    "target": ("search", {"target": "x"}, nniesim.FormatError, "search: target"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_wrong_arguments(name, client, feature_norm):
    function, named, kind, message = HOSTILE[name]
    if name == "too many":
        found = cluster_of.evaluate(client, feature_norm, **named, shards=2, resamples=0)
        assert found.bad == 20 and found.text == feature_norm.evaluate(**named, resamples=0).text
        return
    with pytest.raises(kind, match=message):
        getattr(cluster_of, function)(client, feature_norm, **named)


def test_clients_that_do_not_wait(feature_norm):
    class Asynchronous:
        asynchronous = True

    with pytest.raises(nniesim.Error, match="the client is asynchronous"):
        cluster_of.evaluate(Asynchronous(), feature_norm)
