"""Diagnosis, search, compensation: what the tool says, as dataclasses."""

import subprocess

import nniesim
import numpy as np
import pytest
from conftest import CFG, TOOL, tool


def test_diagnosis_is_the_tools(feature_norm, tmp_path):
    expected = tool("diagnose", "--cfg", CFG, allowed=(0, 1))
    page, ticket = tmp_path / "report.html", tmp_path / "report.md"
    found = feature_norm.diagnose(html=page, markdown=ticket)
    assert found.verdict.cause == expected["verdict"]["cause"] == "norm error"
    assert found.verdict.summary == expected["verdict"]["summary"]
    assert list(found.verdict.evidence) == expected["verdict"]["evidence"]
    assert list(found.verdict.change) == expected["verdict"]["change"]
    assert found.compared == expected["compared"] and len(found.layers) == len(expected["layers"])
    for mine, theirs in zip(found.layers, expected["layers"]):
        assert mine.layer == theirs["layer"] and mine.cosine == theirs["cosine"]
    assert page.read_text() == found.html and found.html.startswith("<!")
    assert found.verdict.summary[:20] in ticket.read_text() and found.verdict.summary[:20] in str(found)
    assert "<pre>" in found._repr_html_() and "html=" not in repr(found)


def test_diagnosis_without_a_report(feature_norm):
    found = feature_norm.diagnose(1, top_k=1, report=False)
    assert found.html == "" and found.verdict.cause
    with pytest.raises(nniesim.Error, match="2 of top_k, threshold and softmax"):
        feature_norm.diagnose(top_k=1, softmax=0.5)


@pytest.fixture
def dumps(tmp_path):
    command = [TOOL, "run", "--cfg", CFG, "--dumps", tmp_path / "d"]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return tmp_path / "d" / "caffe", tmp_path / "d" / "mapper_quant"


def test_folders_of_dumps(feature_norm, dumps):
    found = nniesim.compare_dumps(*dumps)
    expected = tool("compare", *dumps)
    assert len(found.layers) == expected["compared"] and not found.not_compared and "<table>" in found._repr_html_()
    diagnosis = nniesim.diagnose_dumps(*dumps)
    assert diagnosis.compared > 40 and "<html" in diagnosis.html
    of_network = feature_norm.diagnose(other=dumps[1], report=False)
    assert of_network.compared > 40


def test_search_is_the_tools(feature_norm, tmp_path):
    goal = 0.9999
    expected = tool("search", "--cfg", CFG, "--goal", goal, allowed=(0, 1))
    found = feature_norm.search(goal, output=tmp_path / "net_hp")
    assert found.reached == expected["reached"] and found.verdict == expected["summary"]
    assert list(found.best.layers) == expected["best"]["layers_in_16_bits"]
    assert [list(p.layers) for p in found.front] == [p["layers_in_16_bits"] for p in expected["pareto_front"]]
    assert found.marks_verified and not found.marks_remarks and found.target and found.goal == goal
    assert (tmp_path / "net_hp.prototxt").exists() and "<table>" in found._repr_html_()
    cfg = CFG.read_text().replace("feature_norm.prototxt", str(tmp_path / "net_hp.prototxt"))
    cfg = cfg.replace("feature_norm.caffemodel", str(tmp_path / "net_hp.caffemodel"))
    cfg = cfg.replace("[image_list] ", f"[image_list] {CFG.parent}/").replace("[compile_mode] 0", "[compile_mode] 2")
    (tmp_path / "hp.cfg").write_text(cfg)
    wide = nniesim.Network.from_cfg(tmp_path / "hp.cfg").plan()
    assert sum(p == "w16a16" for p in wide.values()) == len(found.best.layers)


def test_search_by_a_function(feature_norm):
    seen = []

    def score(reference, quantized):
        seen.append(set(reference))
        return -float(np.abs(reference["classifier"] - quantized["classifier"]).max())

    found = feature_norm.search(-1e-9, score=score, budget=1.05, strategy="from-first")
    assert not found.reached and found.evaluations == len(seen) and seen[0] == {"classifier"}
    assert found.all_in_16_bits is not None and found.best.score <= 0
    with pytest.raises(ZeroDivisionError):
        feature_norm.search(1, score=lambda reference, quantized: 1 / 0)
    with pytest.raises(TypeError, match="what score returned is of type str"):
        feature_norm.search(1, score=lambda reference, quantized: "good")
    with pytest.raises(nniesim.Error, match="needs a goal"):
        feature_norm.search(score=score)
    assert feature_norm.search(0.5, inputs=feature_norm.picture(0)).reached


def test_compensation_is_the_tools(feature_norm, tmp_path):
    expected = tool("compensate", "--cfg", CFG, allowed=(0, 1))
    found = feature_norm.compensate(output=tmp_path / "new.prototxt")
    assert found.is_written and not found.wrong and (tmp_path / "new.prototxt").exists()
    assert found.training_pictures + found.held_out_pictures == 20
    assert [c.name for c in found.chains] == [c["chain"] for c in expected["chains"]]
    for chain, of_tool in zip(found.chains, expected["chains"]):
        assert np.isclose(chain.new_constant, of_tool["new_constant"], rtol=1e-6)
        assert np.allclose(chain.held_out.float_norms, of_tool["held_out"]["float_norms"], rtol=1e-9)
        assert abs(chain.held_out.after.mean) < abs(chain.held_out.before.mean)
    assert "<table>" in found._repr_html_()
    with pytest.raises(nniesim.FormatError, match="held_out is 2"):
        feature_norm.compensate(held_out=2)
