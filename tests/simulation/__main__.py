"""`python -m tests.simulation`: campaigns of many seeds, and one seed again."""

from tests.simulation.campaign import main

if __name__ == "__main__":
    main()
