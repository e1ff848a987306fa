"""A local Airflow for Counterflow: settings in; a configured, running and cleanly stopped Airflow out.

Nothing here imports Airflow except `metadata`: what Airflow is told goes through its configuration
file and its REST API, so that this package keeps working when Airflow's inside changes.
"""
