"""What the REST door answers. python -m pytest tests/api"""

from __future__ import annotations

import io

import numpy as np
import pytest
from safetensors.numpy import load

import sinklens
from sinklens.analysis.sinkfix import sinkfix_verdict
from tests.capture.tiny_models import TARGET, TEXT

ASK = {"model": "gpt2", "text": TEXT}
HEAD = ASK | {"layer": 1, "head": 2}


@pytest.fixture(scope="module")
def run(engine):
    return sinklens.analyze("gpt2", TEXT, engine=engine)


def answered(client, path, body):
    response = client.post(f"/api/v1{path}", json=body)
    assert response.status_code == 200, response.text
    return response


def test_the_server_says_that_it_is_well_and_what_it_has(client):
    assert client.get("/api/health").json()["status"] == "ok"
    models = client.get("/api/v1/models").json()
    assert models["bundled"] == ["gpt2", "bert", "t5"]
    assert (models["hub"], models["folders"]) == (False, False)


def test_a_model_is_described_by_every_field_that_is_known_of_it(client, run):
    model = client.get("/api/v1/models/gpt2").json()
    assert model["revision"] == run.capture.model.revision
    assert (model["n_layers"], model["n_heads"], model["is_causal"]) == (3, 4, True)
    assert all(check["passed"] for check in model["checks"])


def test_without_a_version_in_the_path_the_newest_answers(client):
    newest = client.post("/api/analyze", json=ASK)
    assert newest.json() == answered(client, "/analyze", ASK).json()


def test_the_summary_has_the_loss_and_the_tokens_of_the_run(client, run):
    summary = answered(client, "/analyze", ASK).json()
    assert summary["loss"] == pytest.approx(run.loss, abs=1e-6)
    assert [token["token"] for token in summary["tokens"]] == [token.label for token in run.tokens]
    assert summary["tokens"][0]["loss"] is None
    losses = [token["loss"] for token in summary["tokens"][1:]]
    assert losses == pytest.approx(run.capture.token_loss.tolist(), abs=1e-6)


def test_a_map_in_json_and_as_npy_is_the_same_map(client, run):
    weights = run.map(1, 2)
    found = answered(client, "/map", HEAD).json()["weights"]
    np.testing.assert_allclose(np.array(found, float), weights, atol=1e-6)
    binary = answered(client, "/map", HEAD | {"format": "npy"})
    np.testing.assert_array_equal(np.load(io.BytesIO(binary.content), allow_pickle=False), weights)


def test_a_profile_in_json_and_as_safetensors_is_the_same_profile(client, run):
    wanted = ASK | {"fields": ["received", "n_visible"]}
    found = answered(client, "/profile", wanted).json()
    assert found["shapes"] == {"received": [3, 4, 20], "n_visible": [3, 20]}
    np.testing.assert_allclose(found["arrays"]["received"], run.profile.received, atol=1e-6)
    binary = load(answered(client, "/profile", wanted | {"format": "safetensors"}).content)
    np.testing.assert_array_equal(binary["received"], run.profile.received)


def test_a_stream_of_an_encoder_decoder_model_can_be_chosen(client):
    asked = {"model": "t5", "text": TEXT, "target": TARGET, "stream": "cross"}
    found = answered(client, "/map", asked | {"layer": 0, "head": 0}).json()
    assert found["stream"] == "cross"
    assert len(found["queries"]) != len(found["keys"])
    assert answered(client, "/heads", asked).json()["stream"] == "cross"


def test_an_edit_changes_the_run_and_is_said_in_words(client, run):
    edited = answered(client, "/analyze", ASK | {"edits": [{"kind": "mask_keys", "keys": [0]}]}).json()
    assert edited["loss"] == pytest.approx(run.edit(sinklens.MaskKeys(keys=(0,))).loss, abs=1e-6)
    assert edited["provenance"]["edits"] == ["mask tokens 0 as keys in all layers, all heads"]


def test_a_trial_has_its_controls_beside_it(client):
    arm = {"name": "no first token", "edits": [{"kind": "mask_keys", "keys": [0]}]}
    found = answered(client, "/intervene", {"model": "gpt2", "texts": [TEXT], "arms": [arm]}).json()
    assert found["arms"][0]["arm"] == "no first token"
    assert {row["kind"] for row in found["arms"]} == {"edit", "control"}


def test_a_run_compared_with_itself_is_the_same_and_with_its_edit_is_not(client):
    edited = ASK | {"edits": [{"kind": "mask_keys", "keys": [0]}]}
    assert answered(client, "/compare", {"a": ASK, "b": ASK}).json()["is_same"] is True
    found = answered(client, "/compare", {"a": ASK, "b": edited}).json()
    assert [row["fact"] for row in found["facts"]] == ["edits"]
    assert found["tokens"][0]["received_b"] == 0
    assert len(found["heads"]) == 12


def test_sinkfix_clients_get_the_fields_that_they_know(client, engine):
    profile = sinklens.analyze("bert", TEXT, engine=engine).profile
    found = answered(client, "/analyze", {"model_name": "bert", "text": TEXT}).json()
    assert set(found) == {"token_list", "classifications", "att_received_scores", "value_norms", "att_matrix"}
    assert found["classifications"] == list(sinkfix_verdict(profile).labels)
    assert sum(found["att_received_scores"]) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(found["att_matrix"], profile.mean_map, atol=1e-6)


def test_corrected_attention_comes_as_an_array_with_detrimental_columns_empty(client, engine):
    run = sinklens.analyze("bert", TEXT, engine=engine)
    labels = sinkfix_verdict(run.profile).labels
    asked = {"model_name": "bert", "text": TEXT, "corrected_att_scores": True}
    response = answered(client, "/analyze", asked)
    found = np.load(io.BytesIO(response.content), allow_pickle=False)
    n_tokens = len(run.tokens)
    assert found.shape == (3, 1, 4, n_tokens, n_tokens)
    assert int(response.headers["content-length"]) == len(response.content)
    keep = np.array([label != "detrimental" for label in labels])
    assert 0 < keep.sum() < n_tokens
    assert not found[..., ~keep].any()
    expected = run.map(2, 3) * keep
    np.testing.assert_allclose(found[2, 0, 3], expected / expected.sum(1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("what", ["tokens", "sinks", "heads", "layers"])
def test_every_table_comes_as_csv_json_and_html(client, what):
    files = {
        kind: answered(client, "/export", ASK | {"what": what, "format": kind})
        for kind in ("csv", "json", "html")
    }
    rows = files["json"].json()["rows"]
    assert len(files["csv"].text.strip().split("\r\n")) == len(rows) + 1
    assert files["html"].text.count("<tr>") == len(rows) + 1
    assert f'filename="sinklens-{what}.csv"' in files["csv"].headers["content-disposition"]


def test_a_saved_analysis_from_the_door_opens_in_the_library(client, run, tmp_path):
    (tmp_path / "run.sinklens").write_bytes(answered(client, "/export", ASK | {"what": "analysis"}).content)
    opened = sinklens.open(tmp_path / "run.sinklens")
    np.testing.assert_array_equal(opened.map(1, 2), run.map(1, 2))


def test_the_description_says_where_the_api_is_mounted(client):
    assert client.get("/api/openapi.json").json()["servers"] == [{"url": "/api"}]


def test_the_documentation_is_one_page_that_asks_for_nothing_else(client):
    page = client.get("/api/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "http://" not in page.text.replace("http://127.0.0.1", "")
    for path in client.get("/api/openapi.json").json()["paths"]:
        assert f"/api{path}" in page.text
    assert "curl -s /api/v1/analyze" in page.text


def test_a_figure_from_the_door_is_the_figure_of_the_library(client, run):
    asked = {"model": "gpt2", "text": TEXT, "layer": 1, "head": 2, "width_mm": 90}
    answer = client.post("/api/figure", json=asked)
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.content == run.figure(1, 2, width_mm=90)
    whole = client.post("/api/figure", json=asked | {"what": "mosaic", "format": "pdf"})
    assert whole.content == run.figure(format="pdf", width_mm=90)
    refused = client.post("/api/figure", json=asked | {"format": "png", "width_mm": 999, "dpi": 1200})
    assert refused.status_code == 404
    assert "pixels" in refused.json()["detail"]


def test_a_report_from_the_door_is_a_page_or_a_pdf(client):
    asked = {"model": "gpt2", "text": TEXT}
    page = client.post("/api/report", json=asked)
    assert page.text.startswith("<!doctype html>")
    assert client.post("/api/report", json=asked | {"format": "pdf"}).content.startswith(b"%PDF-")
    assert client.post("/api/report", json=asked | {"layer": 1}).status_code == 404


def test_references_come_as_bibtex(client):
    assert client.get("/api/references").text.startswith("@software{sinklens,")
