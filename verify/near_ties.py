"""Rows on which a second rounding shows, for those who claim correct rounding.

Float64 to float32 to a 16-bit format rounds twice, and one result in 10^4 to 10^5 then lies on the
wrong side; no sample of a quick run would find it. `verify.data.make_near_ties` searched for these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from verify.cases import Case
    from verify.checks.check import Scope

_ROWS: dict[tuple[str, tuple[int, int]], str] = {
    ("bfloat16", (8, 2)): ("eNqbut_Naqq9266pdpt37NzxDsSy79i_djtQdP-u_S8sARSKEXI="),
    ("bfloat16", (6, 3)): ("eNoBJADb_4q-iMAWv_w_ML5zv9G_wMB1PpjAcz-NwHvAqcBtP0HAX8D7v4FMFQU="),
    ("bfloat16", (4, 9)): (
        "eNoBSAC3_8g_AsCbv0a_IcC8wD7ApD-NvxnAnj-kwIy_Mr9MvzE_Fb-5wPQ-sz-Ov63AlMCTPtC_"
        "Dz_vPX7AzT_5v4XAlT-Lvwq_ib8gv4JKJzI="
    ),
    ("bfloat16", (2, 33)): (
        "eNoBhAB7_zrAdj-LP0rAv8DlP_0--T8BwBC_8b9Zv96-KsABvT7Ac8DqPta_o7_3vlg_hr8kwI-_"
        "yb3hP7E-NT-swJXApsBwwKM90b88wI8_hsC1v5y_Rr9ZwKW_tcC0vo28q8DfP1I-gb8nwBnAiMBe"
        "vxo-TMB5vw7AU78xP_6_0z_fvgi_JcCCPnDBSew="
    ),
    ("float16", (8, 2)): ("eNoBIADf_4s4fDg_vTy9UbxGvFu5VLmaOJQ4yL3FvfO4-bjZOeg5CV8R0Q=="),
    ("float16", (6, 3)): ("eNoBJADb_9nA978OPQ3Ey7QHwoe_gsS5O3-96MAMwqfC1sAmw0nE58MhPod2FOQ="),
    ("float16", (4, 9)): (
        "eNoBSAC3_23FAcSZwwnCgMWGwWu7Eb93uMA1rzTAvfjA4qK3P-jFhsLRxQPAQzeBvGU7J8QCwBS4"
        "lcGYPc40MsUGtMK6N8WONoI_PK5ixa8iJmE="
    ),
    ("float16", (2, 33)): (
        "eNoBhAB7_5nBf7sRxWXFacMdu5A8_cEdxaq_LcDkxD88lLclxEPEKDkYO7jFYMQnPNu8BcRnxJvF"
        "vyaxwuQ0aL4LxCPFtMBwOyHBL7aYP__CYrwPt3LAur_7qAs8VcNoPAQ-z7xbvlnEorWaxKDFxLyi"
        "w9q98zTexRw4trVQxIDF2z9AxVu_o8NwPF_ISCI="
    ),
}


def cases(scope: Scope) -> Iterator[Case]:
    """Yield the rows of the scope's format, if rounding to it twice is likely."""
    for (dtype, shape), bits in _ROWS.items():
        if dtype == scope.dtype:
            yield scope.case(shape, "encoded", bits=bits)
