from spaces.darts.space import Darts as Darts
