from spaces.enas.space import Enas as Enas
