"""A checklist in the terminal: which sessions are to come back."""

HEADING = "Restore which?   Enter: restore   Space: skip one   Esc: cancel"


def choose(rows: list[tuple[str, str]]) -> list[str]:
    """The values of those of the rows (value, text) that the user leaves ticked; none where he cancels."""
    from prompt_toolkit import Application
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
    from prompt_toolkit.layout import HSplit, Layout, Window
    from prompt_toolkit.layout.controls import FormattedTextControl
    from prompt_toolkit.widgets import CheckboxList

    ticked = CheckboxList(rows, default_values=[value for value, _ in rows])
    # Its cursor starts at the first; these keys are the dialog's own, before the list sees them.
    keys = KeyBindings()

    @keys.add("enter", eager=True)
    def _(event: KeyPressEvent) -> None:
        event.app.exit(result=list(ticked.current_values))

    @keys.add("escape", eager=True)
    @keys.add("q", eager=True)
    @keys.add("c-c", eager=True)
    @keys.add("c-d", eager=True)
    def _(event: KeyPressEvent) -> None:
        event.app.exit(result=[])

    heading = Window(FormattedTextControl(HEADING), height=2)
    app: Application[list[str]] = Application(
        Layout(HSplit([heading, ticked])), key_bindings=keys, full_screen=True, mouse_support=True
    )
    # A single Esc is known for one only once nothing follows it.
    app.ttimeoutlen = 0.1
    return app.run()
