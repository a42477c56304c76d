"""The demonstration: five hundred orders, a killed worker, lost answers, and a table read from SAP's own store."""
