"""The chat in the browser: one page that asks, answers by quoting, and opens the source at the quoted sentence.

`desk` holds the engine while it prepares in the background, `line` is where questions wait, `render` and `panel` turn
answers and documents into safe HTML, `page` puts them on a Gradio page, `api` is the same for programs, `serve` starts it.
"""
