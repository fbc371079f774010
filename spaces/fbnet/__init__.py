from spaces.fbnet.space import Fbnet as Fbnet
