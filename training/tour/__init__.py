"""The tour of trained models, `docs/tour.md`: asked of a running service, drawn, and filled into the page."""
