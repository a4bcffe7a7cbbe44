"""The drug file over its pages and the API: a drug is put in, corrected; a relation file asks which product it is."""

import io
import re

from tests.services.test_code_relations import BOXES, CASE, as_xml
from tests.web.conftest import Demo


def test_a_drug_is_put_into_the_file_and_its_relation_file_asks_which_product_it_is(demo: Demo) -> None:
    clerk = demo.browser("pharmacist")
    sent = clerk.post("/drugs/new", {"name": "试验胶囊", "storage": "cold", "approval_no": "国药准字12"})
    assert sent.status_code == 303
    page = clerk.get(sent.location).text
    assert "2 … 8 °C" in page
    assert clerk.post(sent.location, {"name": "试验片", "reason": ""}).status_code == 422
    assert clerk.post(sent.location, {"name": "试验片", "reason": "as labelled"}).status_code == 303
    assert "as labelled" in clerk.get(sent.location).text
    asked = clerk.post("/drugs/relations", {"file": (io.BytesIO(as_xml()), "a.xml")})
    product = re.search(r"\w{26}", sent.location)
    assert product is not None
    assert (asked.status_code, 'name="product"' in asked.text) == (422, True)
    done = clerk.post("/drugs/relations", {"file": (io.BytesIO(as_xml()), "a.xml"), "product": product[0]})
    assert "试验片" in clerk.get(done.location).text
    read = demo.post("/codes/read", {"codes": [BOXES[0], CASE, "8385793"]}, "pharmacist").json["codes"]
    assert [(one["form"], one["pack_level"]) for one in read] == [("trace_code", 1), ("trace_code", 3), ("none", None)]
