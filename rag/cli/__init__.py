"""The command line's parts: `parser` says what can be typed, `commands` does it, `show` prints it."""
