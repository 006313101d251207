"""Currency codes that are nearly one of ISO 4217: LUSID takes any of three to five letters or digits, case kept."""

import re

_CODES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF
CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD
HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL
MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON
RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA
XXX YER ZAR ZMW ZWG
"""
_ALSO_MEANT = "GBX GBp USX USx EUX ZAC ZAc ILA ILa CNH CNT USDT USDC EURC"
ISO_4217, _MEANT = frozenset(_CODES.split()), frozenset(_ALSO_MEANT.split())
"""Minor units, offshore and digital currencies, as markets write them."""

_ZERO = str.maketrans("0", "O")
_NEIGHBOURS = re.compile(r"(?=(..))")


def near_miss(code: str) -> str:
    """The code of ISO 4217 that may be meant; empty where the code is one, or is not like any.

    Looked at are case, two letters that changed places, a letter too many, and a zero for an O.
    """
    if code in ISO_4217 or code in _MEANT:
        return ""
    upper = code.upper().translate(_ZERO)
    like = [upper]
    like += [upper[: m.start()] + m[1][::-1] + upper[m.end() + 2 :] for m in _NEIGHBOURS.finditer(upper)]
    like += [upper[:at] + upper[at + 1 :] for at in reversed(range(len(upper)))]
    return next((each for each in like if each in ISO_4217), "")
