"""Networks: the same bits as the tool, which is the C++ library by another way."""

import subprocess
import threading
from collections.abc import Sequence

import nniesim
import numpy as np
import pytest
from conftest import CFG, GOLDEN, SHARED, TOOL, bits, tool


def same(value, expected):
    """JSON has null for NaN and infinities, and ten digits or more."""
    if expected is None:
        return value is None or not np.isfinite(value)
    return value == expected or abs(value - expected) <= 1e-9 * abs(expected)


def test_what_a_network_says(feature_norm):
    assert feature_norm.name == "feature_norm" and feature_norm.mode == 0
    assert list(feature_norm.inputs) == ["comp0", "comp1", "comp2", "comp3"]
    assert feature_norm.inputs["comp0"] == (1, 1, 24, 24)
    assert feature_norm.outputs == ("classifier",) and feature_norm.listed_pictures == 20
    layer = next(x for x in feature_norm.layers if x.name == "jfc")
    assert layer.type == "Convolution" and layer.inputs == ("concat",) and layer.shapes == ((1, 32, 1, 1),)
    assert "feature_norm.prototxt" in layer.where and not layer.on_cpu
    assert isinstance(feature_norm.remarks, tuple) and "feature_norm" in repr(feature_norm)


@pytest.mark.parametrize("mode", [0, 1])
def test_every_layer_has_the_bits_of_the_tools_run(mode, feature_norm, tmp_path):
    command = [TOOL, "run", "--cfg", CFG, "--mode", str(mode), "--npy", tmp_path]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    ranges = feature_norm.calibrate(mode)
    for folder, values in (
        ("float", feature_norm.run(mode="float32")),
        ("quantized", feature_norm.run(mode=mode, ranges=ranges)),
    ):
        files = {f.stem: f for f in (tmp_path / folder).glob("*.npy")}
        assert len(files) == len(values)
        for name, value in values.items():
            assert np.array_equal(bits(value), bits(np.load(files[name]))), name
            assert value.dtype == np.float32


@pytest.mark.parametrize("mode", [0, 1])
def test_compare_is_the_tools_table(mode, feature_norm):
    expected = tool("run", "--cfg", CFG, "--mode", mode, "--isolated")
    found = feature_norm.compare(mode, isolated=True)
    for table, rows in ((found.accumulated, expected["accumulated"]), (found.isolated, expected["isolated"])):
        assert table.names == [row["layer"] for row in rows["layers"]]
        for row, of_tool in zip(table, rows["layers"]):
            assert same(row.comparison.cosine, of_tool["cosine"])
            assert same(row.comparison.norm_error, of_tool["norm_error"])
    table = found.accumulated
    assert isinstance(table, nniesim.LayerTable) and isinstance(table, Sequence) and hash(table) == hash(table)
    assert table["jfc"].type == "Convolution" and table[0].name == table.names[0]
    assert table.column("cosine").shape == (len(table),)
    assert table.column("floor_ratio")[-1] == table["classifier"].floor_ratio
    assert "jfc" in repr(table) and "<td>jfc</td>" in found._repr_html_()
    with pytest.raises(KeyError):
        table["no such layer"]


def test_precisions_of_single_layers(feature_norm):
    plan = feature_norm.plan(0, precisions={"jfc": "w16a16"})
    assert plan["jfc"] == "w16a16" and plan["classifier"] == "w8a8"
    assert set(feature_norm.plan("w16a16").values()) == {"w16a16"}
    wide = feature_norm.run(precisions={"jfc": "w16a16"})
    narrow = feature_norm.run()
    assert np.array_equal(wide["comp0.cfc"], narrow["comp0.cfc"]) and not np.array_equal(wide["jfc"], narrow["jfc"])


def test_inputs_in_any_form_give_the_same(feature_norm):
    picture = feature_norm.picture()
    expected = feature_norm.run(keep=[])
    assert list(expected) == ["classifier"]
    for inputs in (picture, list(picture.values()), tuple(np.asfortranarray(x) for x in picture.values())):
        assert np.array_equal(feature_norm.run(inputs, keep=[])["classifier"], expected["classifier"])
    assert set(feature_norm.run(keep=["jfc"])) == {"jfc", "classifier"}
    assert np.array_equal(feature_norm.picture(19)["comp2"], picture["comp2"])
    assert not np.array_equal(feature_norm.picture(3)["comp2"], picture["comp2"])


def test_a_runner_is_the_network_many_times(feature_norm):
    ranges = feature_norm.calibrate()
    runner = feature_norm.runner(ranges=ranges, keep=["jfc"])
    assert isinstance(runner, nniesim.Runner) and runner.memory_bytes > 100_000
    for i in (0, 5):
        picture = feature_norm.picture(i)
        assert np.array_equal(runner.run(picture)["jfc"], feature_norm.run(picture, ranges=ranges)["jfc"])


def test_threads_change_no_bit():
    network = nniesim.Network.from_cfg(CFG, threads=3)
    one = nniesim.Network.from_cfg(CFG)
    a, b = network.run(mode=1), one.run(mode=1)
    assert all(np.array_equal(bits(a[name]), bits(b[name])) for name in a)


def test_several_threads_share_a_network(feature_norm):
    expected = feature_norm.run()["classifier"]
    runner = feature_norm.runner()
    results = []

    def work():
        for _ in range(3):
            results.append(feature_norm.run()["classifier"])
            results.append(runner.run()["classifier"])

    workers = [threading.Thread(target=work) for _ in range(4)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert len(results) == 24 and all(np.array_equal(r, expected) for r in results)


def test_ranges_are_the_tools_and_come_back(feature_norm, tmp_path):
    ranges = feature_norm.calibrate(0)
    ranges.save(tmp_path / "mine.json")
    command = [TOOL, "calibrate", "--cfg", CFG, "--mode", "0", "-o", tmp_path / "tools.json"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert (tmp_path / "mine.json").read_text() == (tmp_path / "tools.json").read_text()
    assert isinstance(ranges, nniesim.Ranges)
    back = feature_norm.read_ranges(tmp_path / "mine.json")
    assert back == ranges and len(back) == len(ranges.largest) and ranges.pictures == 20
    assert (ranges.rule, ranges.precision) == ("quantized", "w8a8") and "20 pictures" in repr(ranges)
    name, largest = next((n, v) for n, v in ranges.largest.items() if v > 0)
    assert ranges.z[name][0] == nniesim.gfpq8.scale_of(np.array([largest], np.float32))
    pictures = [feature_norm.picture(i) for i in range(20)]
    assert feature_norm.calibrate(0, pictures=pictures) == ranges
    assert feature_norm.calibrate(0, pictures=iter(pictures[:2])).pictures == 2
    assert feature_norm.calibrate(rule="floating").rule == "floating"
    with pytest.raises(ValueError, match="pictures is empty"):
        feature_norm.calibrate(pictures=[])


def test_from_caffe_without_pictures(two_layers, rng, tmp_path):
    prototxt, caffemodel, _ = two_layers
    network = nniesim.Network.from_caffe(str(prototxt), caffemodel)
    with pytest.raises(nniesim.Error, match="run: inputs is None"):
        network.run()
    x = rng.standard_normal((1, 3, 8, 8)).astype(np.float32)
    found = network.compare(inputs=x)
    assert found.isolated is None and found.accumulated["fc"].comparison.cosine > 0.99
    np.save(tmp_path / "x.npy", x)
    from_file = nniesim.Network.from_caffe(prototxt, caffemodel, pictures=[tmp_path / "x.npy"])
    assert np.array_equal(from_file.run()["fc"], network.run(x)["fc"])
    stopped = nniesim.Network.from_caffe(prototxt, caffemodel, stop_at="conv")
    assert stopped.outputs == ("conv",)


def test_compiled_models(tmp_path):
    folder = GOLDEN / "wk"
    model = nniesim.read_compiled(folder / "small_8.wk")
    expected = tool("wk", folder / "small_8.wk")
    assert model.checksum_fits and model.version == (1, 1, 1, 2) and model.blocks == expected["blocks"]
    assert len(model.layers) == expected["compiled_layers"] and not model.unreadable_blocks
    network = nniesim.Network.from_caffe(folder / "small.prototxt", folder / "small.caffemodel")
    found = network.compare_compiled(folder / "small_8.wk")
    of_tool = tool(
        "wk",
        folder / "small_8.wk",
        "--prototxt",
        folder / "small.prototxt",
        "--caffemodel",
        folder / "small.caffemodel",
    )["matched"]
    assert [row.layer for row in found.layers] == [row["layer"] for row in of_tool["layers"]]
    for row, expected_row in zip(found.layers, of_tool["layers"]):
        assert row.blocks_raw[0] == expected_row["blocks_raw"]["equal"] and row.bits == expected_row["bits"]
        assert row.equal_outputs == expected_row["records"]["equal"] == row.outputs
        assert row.input_z == expected_row["input_z"]
    assert found.blob_z == {b["blob"]: (b["bits"], b["z"]) for b in of_tool["blobs"]}
    assert found.clipped is None and "<table>" in found._repr_html_() and "<table>" in model._repr_html_()
    assert network.read_ranges(folder / "small_8.wk", 0).rule == "given"


def test_the_vendors_compiled_model():
    path = SHARED / "wk" / "mnet_640_inst.wk"
    if not path.exists():
        pytest.skip("skipped: ../shared/wk is not here")
    model = nniesim.read_compiled(path)
    assert model.checksum_fits and len(model.layers) > 50
