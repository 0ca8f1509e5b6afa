"""The report of a comparison as one page of HTML, and as pictures for papers."""
