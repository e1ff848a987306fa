"""From landing to the published file: sources for dbt, the build, the gates, the publication."""
