"""A browser without a window, for pages that whet writes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

BROWSERS, DRIVER = ("chromium", "chromium-browser", "google-chrome"), "chromedriver"
NEEDED = "WHET_TESTS_NEED_BROWSER"  # set where these tests must not be skipped
FLAGS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars", "--lang=en",
         "--disable-background-networking", "--disable-component-update", "--no-first-run")  # fmt: skip


@dataclass
class Browser:
    """A page in a browser, and what happened on it."""

    driver: webdriver.Chrome

    def open(self, page: Path, *, width: int = 1280, scheme: str = "light", media: str = "screen") -> None:
        """Shows a file as a screen of this width does."""
        self.show(page.as_uri(), width=width, scheme=scheme, media=media)

    def show(self, address: str, *, width: int = 1280, scheme: str = "light", media: str = "screen") -> None:
        """The same of an address."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
        self.driver.get_log("performance")  # forgets those of the page before
        self.driver.get_log("browser")
        self.driver.get(address)

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def requests(self) -> list[str]:
        """The addresses that were asked for since the page was opened, the page's own among them."""
        messages = [json.loads(line["message"])["message"] for line in self.driver.get_log("performance")]
        return [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """What the console says: errors of scripts, what the policy of the page forbade."""
        return [line["message"] for line in self.driver.get_log("browser")]


@pytest.fixture(scope="session")
def _driver() -> Iterator[webdriver.Chrome]:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which(DRIVER)
    if browser is None or driver is None:
        missing = "no browser and driver were found: make browser installs them"
        if os.environ.get(NEEDED):
            pytest.fail(missing)
        pytest.skip(missing)
    options = Options()
    options.binary_location = browser
    for flag in FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    yield started
    started.quit()


@pytest.fixture
def browser(_driver: webdriver.Chrome) -> Browser:
    return Browser(_driver)
