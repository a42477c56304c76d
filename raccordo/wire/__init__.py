"""Protocol kits: each calls, pages, signs in and translates what comes back into `raccordo.errors`, once.

A connector says what is called; its kit says how. No kit retries a write whose outcome is unknown: it raises
`Ambiguous`, and the line looks before anything is sent again.
"""
