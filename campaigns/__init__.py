"""Programs that try to break what rotator promises. `docs/reliability.md` says what came of them."""
