# One image for every component and for the `counterflow` command: the lock, the package, nothing else.
# The root file system is read-only where it runs (docker-compose.yml); what runs write is in volumes.

FROM python:3.12.11-slim-bookworm AS build
ARG UV_VERSION=0.13.9
RUN pip install --no-cache-dir uv==${UV_VERSION}
WORKDIR /opt/counterflow
RUN python -m venv /opt/venv
# The lock alone first: the layer of the packages outlives changes of ours.
COPY requirements.lock ./
RUN uv pip sync --python /opt/venv/bin/python --no-cache --require-hashes --compile-bytecode requirements.lock
COPY pyproject.toml README.md ./
COPY plugins plugins
COPY dags dags
COPY dbt_project dbt_project
COPY expectations expectations
# The questions of the analysts' site are read out of their guide.
COPY docs/analysts.md docs/analysts.md
RUN uv pip install --python /opt/venv/bin/python --no-cache --no-deps --no-build-isolation --editable . \
    && /opt/venv/bin/python -m compileall -q plugins dags

FROM python:3.12.11-slim-bookworm
# 1000 by default; docker-compose.yml lets it be whoever owns the secrets and the exports on the host.
RUN useradd --uid 1000 --create-home --shell /usr/sbin/nologin counterflow \
    && install --directory --owner 1000 --group 1000 --mode 0750 /var/lib/counterflow /var/lib/counterflow/warehouse /var/lib/counterflow/pages /var/lib/airflow
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/counterflow /opt/counterflow
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    AIRFLOW_HOME=/var/lib/airflow \
    COUNTERFLOW_HOME=/var/lib/counterflow \
    COUNTERFLOW_EXPORTS=/exports \
    COUNTERFLOW_MISSIONS=/opt/counterflow/dags/missions
WORKDIR /opt/counterflow
USER 1000:1000
VOLUME ["/var/lib/counterflow", "/var/lib/airflow"]
EXPOSE 8080
CMD ["counterflow", "--help"]
