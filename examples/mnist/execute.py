"""Run a notebook and keep what its cells print and draw: python execute.py NOTEBOOK.ipynb [CELLS.py]

With CELLS.py the notebook is made anew from that file (`# %% title` begins a cell) before it runs. Runs in this
folder, in the environment of the notebook's SDK; needs there: pip install nbclient ipykernel
"""

import sys
from pathlib import Path

import nbformat
from cells import cells
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def from_cells(source):
    """The notebook of a Python file: its docstring, then for each cell a heading and the code."""
    text = source.read_text()
    made = [nbformat.v4.new_markdown_cell(text.split('"""')[1])]
    for title, code in cells(source):
        lines = code.strip().splitlines()
        made.append(nbformat.v4.new_markdown_cell(f"## {title}"))
        made.append(nbformat.v4.new_code_cell("\n".join(lines[1:]).strip()))
    for number, cell in enumerate(made):
        cell["id"] = f"cell-{number:02}"
    return nbformat.v4.new_notebook(cells=made)


def execute(book):
    """Run it from the first cell to the last, each with its outputs as a reader sees them."""
    NotebookClient(book, timeout=900, resources={"metadata": {"path": str(HERE)}}).execute()
    for cell in book.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
    book.metadata = METADATA


def joined(outputs):
    """Outputs with what was printed in many pieces in one."""
    kept = []
    for output in outputs:
        before = kept[-1] if kept else {}
        if output.output_type == "stream" and before.get("name") == output.name:
            before["text"] += output.text
        else:
            kept.append(output)
    return kept


def main():
    path = Path(sys.argv[1])
    book = from_cells(Path(sys.argv[2])) if len(sys.argv) > 2 else nbformat.read(path, 4)
    execute(book)
    nbformat.write(book, path)


if __name__ == "__main__":
    main()
