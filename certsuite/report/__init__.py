"""What a run tells the outside: results.json, JUnit, Allure, HTML, comparison; fed by results and record only."""
