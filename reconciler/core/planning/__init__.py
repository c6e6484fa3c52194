"""Makes the Plan from Desired and Observed."""
