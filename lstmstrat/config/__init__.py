"""The config: its structure, and how it is read.

schema.py      the whole config, and its small sections
data.py        the section `data:`
forecast.py    the section `forecast:`
classes.py     strategies that are given as classes
section.py     what sections share
validation.py  values to a section, with every mistake at once
files.py       YAML files and ``--set`` values
parameters.py  parameters of a user's own class, frozen
names.py       what is built in, and which names of a config are wrong
search.py      is there a user's own ``module:attribute``? without importing it
plugins.py     a user's own strategy, feature or model, named ``module:attribute``
"""

from lstmstrat.config.data import DataConfig as DataConfig
from lstmstrat.config.forecast import ForecastConfig as ForecastConfig
from lstmstrat.config.schema import BrokerConfig as BrokerConfig
from lstmstrat.config.schema import Config as Config
from lstmstrat.config.schema import ReportConfig as ReportConfig
from lstmstrat.config.schema import StrategyConfig as StrategyConfig
