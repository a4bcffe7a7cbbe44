"""The faces of the service: a JSON API for machines, pages for people; thin views, one blueprint per audience."""
