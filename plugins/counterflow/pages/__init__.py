"""What people look at: pages made of the published warehouse and of contracts, without a value of a person.

`shelf` keeps sets of files that each publication builds anew, `sets` says which there are, `app` serves them and the
Missions page inside the Airflow UI, behind its login (plugins/airflow_plugin.py).
"""
