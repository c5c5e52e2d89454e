"""Sinks in five cells, for marimo: `marimo edit docs/notebooks/sinks_in_five_cells.py`, or `marimo run`."""

# ruff: noqa: B018

import marimo

app = marimo.App()


@app.cell(hide_code=True)
def _():
    import marimo as mo

    return (mo,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # Sinks in five cells

    One text, one small model that comes with SinkLens, no network. The same for Jupyter:
    `sinks-in-five-cells.ipynb` beside this file.

    A run: what every head does with every token. A Hugging Face id or a folder stands in the place of
    `demo-gpt2` as well.
    """)
    return


@app.cell
def _():
    import sinklens

    TEXT = "The old lighthouse stood at the end of the harbour for more than a century."
    run = sinklens.analyze("demo-gpt2", TEXT)
    run
    return run, sinklens


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    All heads of all layers. A bright first column is attention that goes to the first token, whatever the
    query. Click a head: the cell below shows it.
    """)
    return


@app.cell
def _(mo, run):
    everything = mo.ui.anywidget(run.show())
    everything
    return (everything,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    The head that was clicked, else the one that rests most, with its tokens. Point at a cell to read it.
    """)
    return


@app.cell
def _(everything, run):
    heads = run.heads().sort_values("sink_share", ascending=False)
    most = heads["layer"].iloc[0], heads["head"].iloc[0]
    clicked = everything.value["head"]
    layer, head = map(int, clicked if clicked[0] >= 0 else most)
    run.show(layer, head)
    return


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    Is it a sink, and of which kind? `excess` is the attention received above what uniform attention would
    give the token; `reason` is why the label was given.
    """)
    return


@app.cell
def _(run):
    sinks = run.sinks().sort_values("excess", ascending=False)
    sinks[["index", "token", "received", "floor", "excess", "label", "reason"]].head()
    return (sinks,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    What happens without it? Nobody may look at the sink, and, as a control, at a token in the middle. Loss
    is in nats per token.
    """)
    return


@app.cell
def _(run, sinklens, sinks):
    sink, control = int(sinks["index"].iloc[0]), len(run.tokens) // 2
    losses = {"as it is": run.loss}
    for name, key in (("without the sink", sink), ("without a token in the middle", control)):
        losses[name] = run.edit(sinklens.MaskKeys(keys=(key,))).loss
    {name: round(loss, 3) for name, loss in losses.items()}
    return


if __name__ == "__main__":
    app.run()
