"""Architectures as other programs export and print them: the same architecture, or one line that says what is wrong."""

import json

import pytest
import yaml

from harness.__main__ import main
from harness.cli.parts.values import ARCH
from harness.plan import registry
from tests.harness.cli.test_cli import ENAS, FBNET_A, SINGLE_PATH, V2

CELLS = {cell: json.loads(V2)[cell] for cell in ("normal", "reduce")}
SHORT = {"max_pool_3x3": "maxpool", "skip_connect": "skipconnect"}
NODES = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_3x3~0|skip_connect~1|none~2|"
SEARCHED = "NetworkSelectorDatasetInfo:darts:"


def placed():
    """(cell, node, place, operation, input) of every edge."""
    return [(cell, i // 2 + 2, i % 2, *edge) for cell, edges in CELLS.items() for i, edge in enumerate(edges)]


def nni(value=lambda source: [source], prefix=""):
    found = {}
    for cell, node, place, operation, source in placed():
        found[f"{prefix}{cell}/op_{node}_{place}"] = operation
        found[f"{prefix}{cell}/input_{node}_{place}"] = value(source)
    return found


def nni_1():
    found = {f"{cell}_n{node}_p{source}": [] for cell in CELLS for node in range(2, 6) for source in range(node)}
    for cell, node, _, operation, source in placed():
        found[f"{cell}_n{node}_p{source}"] = SHORT.get(operation, operation.replace("_", ""))
        found.setdefault(f"{cell}_n{node}_switch", []).append(f"{cell}_n{node}_p{source}")
    return found


def nasbench301():
    """Its 14 edges a cell are numbered in order of nodes."""
    start = {2: 0, 3: 2, 4: 5, 5: 9}
    found = {f"{SEARCHED}edge_{cell}_{start[node] + source}": name for cell, node, _, name, source in placed()}
    return found | {f"{SEARCHED}inputs_node_normal_3": "0_1", "OptimizerSelector:optimizer": "sgd"}


DARTS = {
    "NNI 2": str(nni()),
    "NNI 3": json.dumps(nni(int), indent=2),
    "NNI with a prefix": str(nni(prefix="model/")),
    "NNI with a size": str({"width": 36, "num_cells": 20, **nni()}),
    "NNI in a log": f"[2022-03-01 09:00:00] Final architecture: {nni()}",
    "NNI 1": json.dumps(nni_1(), indent=2),
    "NNI 1 with operations that no switch names": json.dumps(nni_1() | {"normal_n3_p2": "maxpool"}),
    "NAS-Bench-301": json.dumps(nasbench301()),
    "NAS-Bench-301's files": json.dumps({"optimized_hyperparamater_config": nasbench301(), "budget": 98}),
    "YAHPO Gym": json.dumps({key.replace(":", "_COLON_"): value for key, value in nasbench301().items()}),
    "HTML": V2.replace('"', "&quot;"),
    "LaTeX": V2.replace("_", "\\_"),
    "YAML": yaml.safe_dump(json.loads(V2)),
    "YAML in a flow": "".join(f"{key}: {value}\n" for key, value in json.loads(V2).items()),
    "sets": f"Genotype({', '.join(f'{key}={value}' for key, value in json.loads(V2).items())})".replace(
        "[2, 3, 4, 5]", "{2, 3, 4, 5}"
    ),
    "a multiplication sign": V2.replace("3x3", "3\u00d73"),
}


def facts(design):
    """The order of a node's two edges means nothing."""
    nodes = [sorted(cell[i : i + 2]) for cell in (design.normal, design.reduce) for i in range(0, len(cell), 2)]
    return nodes, design.normal_concat, design.reduce_concat


@pytest.mark.parametrize("form", DARTS)
def test_the_same_cells_from_every_program(form):
    read = registry.space("darts").read
    assert facts(read(ARCH.convert(DARTS[form], None, None))) == facts(read(V2))


def test_cells_of_five_nodes_put_out_what_no_node_reads():
    space = registry.space("enas")
    design, found = space.read(ENAS), {}
    for cell in CELLS:
        for i, (operation, source) in enumerate(getattr(design, cell)):
            found |= {f"{cell}/op_{i // 2 + 2}_{i % 2}": operation, f"{cell}/input_{i // 2 + 2}_{i % 2}": [source]}
    assert space.read(ARCH.convert(str(found), None, None)) == design


LAYERS = [("fbnet", FBNET_A), ("single_path", SINGLE_PATH)]
PRINTED = {
    "a list": lambda layers: str(layers),
    "a tuple": lambda layers: str(tuple(layers)),
    "JSON": json.dumps,
    "numpy": lambda layers: str(layers).replace(",", "\n"),
    "lines": "\r\n".join,
    "semicolons": "; ".join,
    "a last comma": lambda layers: ",".join(layers) + ",",
    "typographic quotes": lambda layers: f"\u201c{','.join(layers)}\u201d",
    "an assignment": lambda layers: f"FBNET_A = {layers}",
    "a log": lambda layers: f"epoch 89 best arch: {','.join(layers)} (75.2%)",
}
NUMBERS = {
    "a list": lambda numbers: f"[{', '.join(numbers)}]",
    "numpy": lambda numbers: f"[{' '.join(numbers[:20])}\n {' '.join(numbers[20:])}]",
    "two lists": lambda numbers: f"[{' '.join(numbers[:20])}]\n[{' '.join(numbers[20:])}]",
    "commas": ",".join,
    "lines": "\n".join,
}


@pytest.mark.parametrize(("space", "text"), LAYERS)
@pytest.mark.parametrize("form", PRINTED)
def test_the_same_layers_in_every_form(space, text, form):
    parse = registry.space(space).parse
    assert parse(ARCH.convert(PRINTED[form](text.split(",")), None, None)) == parse(text)


@pytest.mark.parametrize("form", NUMBERS)
def test_the_same_numbers_in_every_form(form):
    parse = registry.space("enas").parse
    assert parse(ARCH.convert(NUMBERS[form](ENAS.split()), None, None)) == parse(ENAS)


@pytest.mark.parametrize(
    "form", ["Structure(4 nodes with {})", "arch: '{}' 94.37", " {}\n", "\u201c{}\u201d", '["{}"]', "`{}`"]
)
@pytest.mark.parametrize("text", [NODES, NODES.replace("|", " | ").replace("+", " + ")])
def test_the_same_nodes_in_every_form(form, text):
    parse = registry.space("nasbench201").parse
    assert parse(ARCH.convert(form.format(text), None, None)) == parse(NODES)


@pytest.mark.parametrize("bracket", [tuple, list])
def test_nodes_as_lists_of_pairs(bracket):
    """As AutoDL-Projects keeps a structure."""
    nodes = [node.strip("|").split("|") for node in NODES.split("+")]
    pairs = bracket(bracket(bracket([edge[:-2], int(edge[-1])]) for edge in node) for node in nodes)
    parse = registry.space("nasbench201").parse
    assert parse(ARCH.convert(str(pairs), None, None)) == parse(NODES)
    assert parse(ARCH.convert(NODES.replace("|", "\\|"), None, None)) == parse(NODES)


def without(found, *keys):
    return {key: value for key, value in found.items() if not key.startswith(keys)}


REFUSED = {
    "an operation is missing": (str(without(nni(), "normal/op_3_1")), "node 3 of the normal cell has 1 edges"),
    "a cell is missing": (str(without(nni(), "reduce")), "node 2 of the reduce cell has 0 edges"),
    "another operation": (
        str(nni() | {"normal/op_5_1": "dilconv_3x3"}),
        "node 5 of the normal cell: unknown operation 'dilconv_3x3' (did you mean dil_conv_3x3",
    ),
    "an index": (str(nni_1() | {"normal_n2_p0": 3}), "node 2 of the normal cell: unknown operation 3"),
    "an input that is not there": (
        str(nni() | {"normal/input_3_1": 7}),
        "node 3 of the normal cell: input 7 does not exist there; inputs are 0 to 2",
    ),
    "three edges": (
        str(nni_1() | {"normal_n3_p2": "maxpool", "normal_n3_switch": [f"normal_n3_p{i}" for i in range(3)]}),
        "node 3 of the normal cell has 3 edges",
    ),
    "layers of another space": (FBNET_A.replace(",", " "), "is an architecture of fbnet: --space fbnet"),
    "numbers of NATS-Bench": ("[4, 3, 2, 1, 0, 2]", "genotype is not readable"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_architecture_is_one_line(kind, capsys):
    text, says = REFUSED[kind]
    assert main(["describe", "--space", "darts", "--arch", text]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_a_file_is_not_its_content(tmp_path, capsys):
    path = tmp_path / "genotype.txt"
    path.write_text(V2)
    assert main(["describe", "--space", "darts", "--arch", str(path)]) == 2
    assert f'{path} is a file: give what it holds: "$(cat {path})"' in capsys.readouterr().err


def test_what_is_not_read_is_named(capsys):
    assert main(["describe", "--space", "darts", "--arch", DARTS["NNI with a size"]]) == 0
    assert capsys.readouterr().err == "note: of the text the cells are read, not width 36, num_cells 20\n"
