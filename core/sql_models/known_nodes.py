"""Which nodes of SQLGlot's tree may be in a SQL model. Default: none.

The names of functions are looked up elsewhere (`pure_functions`); this is the second sieve, for what has no name in the
text or a harmless one: locks, INTO, parameters, files as tables, statements in a WITH.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from core.sql_models.pure_functions import read_words

DENIED_FUNCTIONS = read_words(
    """
    # ask a model, on somebody's bill
    AIAgg AIClassify AIEmbed AIForecast AIGenerate AISimilarity AISummarizeAgg FeaturesAtTime GenerateBool
    GenerateDouble GenerateEmbedding GenerateInt GenerateTable GenerateText MLForecast MLTranslate Predict VectorSearch
    # files, keys, sequences, names made at run time
    Decrypt DecryptRaw DynamicIdentifier Encrypt EncryptRaw NextValueFor ObjectId OpenJSON ReadCSV ReadParquet Secret
    ToFile XMLTable
    # NET.*
    Host NetFunc RegDomain
    # other sessions and statements
    CurrentAccountName CurrentAvailableRoles CurrentClient CurrentIpAddress CurrentOrganizationName
    CurrentOrganizationUser CurrentRegion CurrentRoleType CurrentSecondaryRoles CurrentSession CurrentStatement
    CurrentTransaction CurrentUserId
    # of engines that are none of ours, or only a base class
    Agg AggFunc AnonymousAggFunc Apply CombinedAggFunc CombinedParameterizedAgg GapFill MatchAgainst ParameterizedAgg
    RangeN SearchIp StarMap VarMap WeightString
    """
)
PARAMETERS = read_words("Parameter Placeholder SessionParameter")
WRITES = read_words(
    """Alter AlterSession Analyze Attach Cache Clone Command Comment Commit Copy Create Declare Delete Detach Drop
    Execute ExecuteSql Export Grant IfBlock Insert Install Into Kill LoadData Merge
    MultitableInserts OnConflict Put Refresh
    Returning Revoke Rollback Set SetItem StoredProcedure SwapTable Transaction TruncateTable Uncache Undrop Update Use
    UserDefinedFunction WhileBlock"""
)


@cache
def get_known_nodes() -> frozenset[str]:
    """Return the names of the node classes that may be in a SQL model."""
    return read_words((Path(__file__).parent / "functions" / "nodes.txt").read_text(encoding="utf-8"))
