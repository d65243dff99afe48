"""A box in a notebook in which a person draws a digit, and what MNIST would have made of the drawing.

`iw.draw()` shows it. `widget` is the box in JupyterLab, Notebook 7 and VS Code, `page` the one in plain HTML for the
classic notebook; `box.js` is the same for both.
"""
