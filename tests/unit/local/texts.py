"""Pages as data, so that the rules are tested without reading a picture."""

from core.local.lines import Row, TextLine
from core.local.looks import Looks


def rows(text):
    """Make one row of each line; a bar sets pieces of a row apart."""
    lines = [line.strip() for line in text.strip().splitlines()]
    return tuple(
        Row(tuple(TextLine(piece.strip(), 0.9) for piece in line.split("|"))) for line in lines
    )


def looks(**changes):
    plain = {
        "width_px": 600,
        "height_px": 1200,
        "colours": (),
        "sharpness": 500.0,
        "brightness": 230.0,
        "contrast": 40.0,
        "dark_share": 0.0,
        "light_share": 0.8,
        "codes": (),
    }
    return Looks(**plain | changes)


RECEIPT = """
CORNER BAKERY SDN BHD
NO 5, JALAN BUNGA 3
TEL: 03-1234 5678
TAX INVOICE
INV NO: CB-000417 | Date: 21/03/2018 09:15
Cashier: Mei
Description | Qty | U.Price | Amount
Sourdough loaf | 2 | 6.50 | 13.00
Butter croissant | 3 | 2.40 | 7.20
Total Excl. GST | 20.20
GST 6% | 1.21
Total Incl. GST | RM 21.41
Rounding Adj | -0.01
Total RM | 21.40
CASH | 50.00
CHANGE | 28.60
Thank you, come again
"""

CHINESE_INVOICE = """
增值税电子普通发票
发票号码：20417733
开票日期：2024年05月06日
购买方名称：青山软件有限公司
销售方名称：白河贸易有限公司
货物或应税劳务名称 数量 单价 金额
打印纸 10 25.50 255.00
墨盒2 | 180.00 360.00
价税合计(小写)：¥615.00
收款人：王芳开票人：李强
"""
