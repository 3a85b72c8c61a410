"""The pytest plugin: options, fixtures, case selection and order, verdict mapping."""
