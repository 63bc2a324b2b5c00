"""What is told: records of what was found, their store, and the views of them.

This package stands on the ground floor and imports neither backends, verify nor bench. Importing it
is instant; pandas, SQLAlchemy and rich are loaded when a view that needs them is asked for.
"""
